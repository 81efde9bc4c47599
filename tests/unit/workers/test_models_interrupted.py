"""Pulls that die, run out of room or meet another pull: nothing wrong is ever left under a model's name."""

import os
import resource
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.fakes.file_server import FileServer, Served, file_server
from tests.unit.workers.model_shelf import content, file_row, model_row, puller

REPOSITORY = Path(__file__).parents[3]
BODY = content(3_000_000)
HALF = 1_500_000

PULL_VOICE = """
import sys
from pathlib import Path
from config.catalogue import Model
from tests.unit.workers.model_shelf import puller
from workers.models.sources import PullFailed
print("ready", flush=True)
try:
    fresh = puller(Path(sys.argv[1])).pull(Model.model_validate_json(sys.argv[2]))
except PullFailed as error:
    print(error)
    sys.exit(1)
print("pulled" if fresh else "was here")
"""


@pytest.fixture
def host() -> Iterator[FileServer]:
    with file_server() as server:
        server.files["voice.onnx"] = Served(BODY)
        yield server


class Pulling:
    """``pull`` in a process of its own."""

    def __init__(self, host: FileServer, folder: Path, *, largest_file: int | None = None) -> None:
        self.model = model_row(file_row("voice.onnx", BODY, url=host.url("voice.onnx")))

        def limit() -> None:
            if largest_file is not None:
                resource.setrlimit(resource.RLIMIT_FSIZE, (largest_file, largest_file))

        self._process = subprocess.Popen(
            [sys.executable, "-c", PULL_VOICE, str(folder), self.model.model_dump_json()],
            cwd=REPOSITORY,
            stdout=subprocess.PIPE,
            text=True,
            preexec_fn=limit,  # noqa: PLW1509 - no threads hold locks that the child needs
        )

    def kill(self) -> None:
        self._process.send_signal(signal.SIGKILL)
        self._process.communicate(timeout=60)

    def end(self) -> tuple[int, str]:
        """Exit status and last line."""
        said, _ = self._process.communicate(timeout=60)
        return self._process.returncode, said.splitlines()[-1]


def test_a_pull_that_is_killed_leaves_no_model_and_the_next_one_goes_on(host: FileServer, tmp_path: Path) -> None:
    served = host.files["voice.onnx"]
    served.hold_after = HALF
    pulling = Pulling(host, tmp_path)
    assert served.held.wait(60)
    part = tmp_path / "tiny-model/voice.onnx.part"
    while not part.exists() or not part.stat().st_size:
        os.sched_yield()
    pulling.kill()
    kept = part.stat().st_size
    assert not (tmp_path / "tiny-model/voice.onnx").exists()
    served.release.set()

    assert puller(tmp_path).pull(pulling.model) is True

    assert host.ranges("voice.onnx") == [None, f"bytes={kept}-"]
    assert (tmp_path / "tiny-model/voice.onnx").read_bytes() == BODY


def test_two_pulls_at_once_download_once(host: FileServer, tmp_path: Path) -> None:
    served = host.files["voice.onnx"]
    served.hold_after = HALF
    first = Pulling(host, tmp_path)
    assert served.held.wait(60)
    second = Pulling(host, tmp_path)
    assert second._process.stdout is not None
    assert second._process.stdout.readline() == "ready\n"
    served.release.set()

    assert {first.end(), second.end()} == {(0, "pulled"), (0, "was here")}
    gets = host.ranges("voice.onnx")
    assert gets[0] is None
    assert len([wanted for wanted in gets if wanted is None]) == 1, "the second pull began the file anew"


def test_a_disk_that_fills_up_is_told_in_one_sentence_and_keeps_what_came(host: FileServer, tmp_path: Path) -> None:
    """RLIMIT_FSIZE stands in for the full disk: write() fails in the same place, with EFBIG for ENOSPC."""
    status, said = Pulling(host, tmp_path, largest_file=HALF).end()

    assert status == 1
    assert said == (
        f"tiny-model: the disk of {tmp_path / 'tiny-model'} is full: free some space and "
        "run: python -m workers.models pull tiny-model"
    )
    assert not (tmp_path / "tiny-model/voice.onnx").exists()
    assert (tmp_path / "tiny-model/voice.onnx.part").stat().st_size == HALF

    model = model_row(file_row("voice.onnx", BODY, url=host.url("voice.onnx")))
    puller(tmp_path).pull(model)
    assert host.ranges("voice.onnx")[-1] == f"bytes={HALF}-"
    assert (tmp_path / "tiny-model/voice.onnx").read_bytes() == BODY
