"""Pulling from official addresses, against a real HTTP host that misbehaves on demand."""

import shutil
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from config.catalogue import SUMS, ModelFile
from config.models import ModelRefused, faults, verified_folder
from tests.fakes.file_server import FileServer, Served, file_server
from tests.unit.workers.model_shelf import HASTY, Notes, catalogue_of, content, file_row, model_row, puller, sha256
from workers.models.official import OfficialSource
from workers.models.pull import Puller
from workers.models.sources import DiskFull, PullFailed

BODY = content(300_000)


@pytest.fixture
def host() -> Iterator[FileServer]:
    with file_server() as server:
        yield server


def test_a_file_arrives_whole_and_is_accepted(host: FileServer, tmp_path: Path) -> None:
    host.files["voice.onnx"] = Served(BODY)
    model = model_row(file_row("voice.onnx", BODY, url=host.url("voice.onnx")))
    notes = Notes()

    assert puller(tmp_path, notes=notes).pull(model) is True

    assert (tmp_path / "tiny-model/voice.onnx").read_bytes() == BODY
    assert verified_folder(tmp_path, "tiny-model", catalogue=catalogue_of(model)) == tmp_path / "tiny-model"
    assert notes.reached_bytes[-1] == len(BODY)
    assert sorted(path.name for path in (tmp_path / "tiny-model").iterdir()) == [".lock", "voice.onnx"]


def test_a_model_that_is_here_asks_nobody(host: FileServer, tmp_path: Path) -> None:
    model = model_row(file_row("voice.onnx", BODY, url=host.url("voice.onnx")))
    (tmp_path / "tiny-model").mkdir()
    (tmp_path / "tiny-model/voice.onnx").write_bytes(BODY)

    assert puller(tmp_path).pull(model) is False
    assert host.asked == []
    assert [path.name for path in (tmp_path / "tiny-model").iterdir()] == ["voice.onnx"]


def test_a_cut_connection_goes_on_where_it_broke_off(host: FileServer, tmp_path: Path) -> None:
    host.files["voice.onnx"] = Served(BODY, cut_after=[100_000, 50_000])
    model = model_row(file_row("voice.onnx", BODY, url=host.url("voice.onnx")))

    puller(tmp_path, "official").pull(model)

    assert host.ranges("voice.onnx") == [None, "bytes=100000-", "bytes=150000-"]
    assert (tmp_path / "tiny-model/voice.onnx").read_bytes() == BODY


def test_a_host_that_cuts_again_and_again_is_kept_on_with_while_bytes_come(host: FileServer, tmp_path: Path) -> None:
    host.files["voice.onnx"] = Served(BODY, cut_after=[20_000] * 12)
    model = model_row(file_row("voice.onnx", BODY, url=host.url("voice.onnx")))

    puller(tmp_path, "official").pull(model)

    assert len(host.ranges("voice.onnx")) == 13


def test_a_host_that_stalls_is_asked_for_the_rest(host: FileServer, tmp_path: Path) -> None:
    served = host.files["voice.onnx"] = Served(BODY, hold_after=100_000)
    model = model_row(file_row("voice.onnx", BODY, url=host.url("voice.onnx")))
    notes = Notes()
    official = OfficialSource(notes, replace(HASTY, read=0.3))

    Puller(tmp_path, notes, "official", official).pull(model)

    assert served.held.is_set()
    first, *later = host.ranges("voice.onnx")
    assert first is None
    assert later
    assert None not in later, "it began anew instead of going on"
    assert (tmp_path / "tiny-model/voice.onnx").read_bytes() == BODY


def test_a_host_that_sends_nothing_is_given_up(host: FileServer, tmp_path: Path) -> None:
    host.files["voice.onnx"] = Served(BODY, cut_after=[0] * 50)
    model = model_row(file_row("voice.onnx", BODY, url=host.url("voice.onnx")))

    with pytest.raises(PullFailed, match=r"tiny-model/voice\.onnx could not be pulled: http://127"):
        puller(tmp_path, "official").pull(model)
    assert len(host.ranges("voice.onnx")) < 8


def test_a_later_run_goes_on_from_an_earlier_ones_part(host: FileServer, tmp_path: Path) -> None:
    host.files["voice.onnx"] = Served(BODY)
    model = model_row(file_row("voice.onnx", BODY, url=host.url("voice.onnx")))
    (tmp_path / "tiny-model").mkdir()
    (tmp_path / "tiny-model/voice.onnx.part").write_bytes(BODY[:200_000])

    puller(tmp_path).pull(model)

    assert host.ranges("voice.onnx") == ["bytes=200000-"]
    assert not (tmp_path / "tiny-model/voice.onnx.part").exists()


def test_a_whole_part_is_accepted_without_asking_for_a_byte(host: FileServer, tmp_path: Path) -> None:
    host.files["voice.onnx"] = Served(BODY)
    model = model_row(file_row("voice.onnx", BODY, url=host.url("voice.onnx")))
    (tmp_path / "tiny-model").mkdir()
    (tmp_path / "tiny-model/voice.onnx.part").write_bytes(BODY)

    puller(tmp_path).pull(model)

    assert host.ranges("voice.onnx") == []
    assert (tmp_path / "tiny-model/voice.onnx").read_bytes() == BODY


def test_a_part_with_wrong_bytes_is_thrown_away_and_pulled_from_nothing(host: FileServer, tmp_path: Path) -> None:
    host.files["voice.onnx"] = Served(BODY)
    model = model_row(file_row("voice.onnx", BODY, url=host.url("voice.onnx")))
    (tmp_path / "tiny-model").mkdir()
    (tmp_path / "tiny-model/voice.onnx.part").write_bytes(content(200_000, "something else"))

    puller(tmp_path).pull(model)

    assert host.ranges("voice.onnx") == ["bytes=200000-", None]
    assert (tmp_path / "tiny-model/voice.onnx").read_bytes() == BODY


def test_a_host_without_ranges_sends_all_again(host: FileServer, tmp_path: Path) -> None:
    host.files["voice.onnx"] = Served(BODY, ranges=False, cut_after=[100_000])
    model = model_row(file_row("voice.onnx", BODY, url=host.url("voice.onnx")))

    puller(tmp_path).pull(model)

    assert (tmp_path / "tiny-model/voice.onnx").read_bytes() == BODY


def test_a_busy_host_is_asked_again(host: FileServer, tmp_path: Path) -> None:
    host.files["voice.onnx"] = Served(BODY, statuses=[503, 429])
    model = model_row(file_row("voice.onnx", BODY, url=host.url("voice.onnx")))

    puller(tmp_path).pull(model)

    assert (tmp_path / "tiny-model/voice.onnx").read_bytes() == BODY


def test_an_address_that_is_gone_is_asked_once(host: FileServer, tmp_path: Path) -> None:
    model = model_row(file_row("voice.onnx", BODY, url=host.url("gone.onnx")))

    with pytest.raises(PullFailed, match="answered 404"):
        puller(tmp_path).pull(model)
    assert len(host.ranges("gone.onnx")) == 1


def test_wrong_bytes_are_refused_with_both_hashes_and_never_get_the_name(host: FileServer, tmp_path: Path) -> None:
    wrong = content(len(BODY), "wrong")
    host.files["voice.onnx"] = Served(wrong)
    model = model_row(file_row("voice.onnx", BODY, url=host.url("voice.onnx")))

    with pytest.raises(PullFailed) as refusal:
        puller(tmp_path).pull(model)

    assert sha256(wrong) in str(refusal.value)
    assert sha256(BODY) in str(refusal.value)
    assert [path.name for path in (tmp_path / "tiny-model").glob("*.onnx*")] == []


def test_a_file_of_another_length_is_refused_before_it_is_read(host: FileServer, tmp_path: Path) -> None:
    host.files["voice.onnx"] = Served(BODY + b"more")
    model = model_row(file_row("voice.onnx", BODY, url=host.url("voice.onnx")))
    notes = Notes()

    with pytest.raises(PullFailed, match=f"has {len(BODY) + 4} bytes, expected {len(BODY)}"):
        puller(tmp_path, notes=notes).pull(model)
    assert notes.reached_bytes == []


def test_a_truncated_file_is_named_and_repaired_by_pulling(host: FileServer, tmp_path: Path) -> None:
    host.files["voice.onnx"] = Served(BODY)
    model = model_row(file_row("voice.onnx", BODY, url=host.url("voice.onnx")))
    (tmp_path / "tiny-model").mkdir()
    path = tmp_path / "tiny-model/voice.onnx"
    path.write_bytes(BODY[:-1])
    known = catalogue_of(model)

    with pytest.raises(ModelRefused) as refusal:
        verified_folder(tmp_path, "tiny-model", catalogue=known)
    assert str(refusal.value) == (
        f"tiny-model/voice.onnx: is {len(BODY) - 1} bytes long, expected {len(BODY)}; "
        "run: python -m workers.models pull tiny-model"
    )

    puller(tmp_path).pull(model)
    assert path.read_bytes() == BODY


def test_only_the_damaged_file_is_pulled_again(host: FileServer, tmp_path: Path) -> None:
    other = content(5_000, "config")
    host.files["voice.onnx"] = Served(BODY)
    host.files["voice.onnx.json"] = Served(other)
    model = model_row(
        file_row("voice.onnx", BODY, url=host.url("voice.onnx")),
        file_row("voice.onnx.json", other, url=host.url("voice.onnx.json")),
    )
    puller(tmp_path).pull(model)
    flipped = bytearray(BODY)
    flipped[150_000] ^= 1
    (tmp_path / "tiny-model/voice.onnx").write_bytes(flipped)
    host.asked.clear()
    notes = Notes()

    puller(tmp_path, notes=notes).pull(model)

    assert [path for method, path, _ in host.asked if method == "GET"] == ["/voice.onnx"]
    assert any("tiny-model/voice.onnx: sha256 is" in line for line in notes.said)
    assert (tmp_path / "tiny-model/voice.onnx").read_bytes() == BODY


def test_a_redirect_to_storage_is_followed_and_goes_on_there_too(host: FileServer, tmp_path: Path) -> None:
    host.files["voice.onnx"] = Served(b"", redirect="storage/voice", headers={"X-Linked-Etag": f'"{sha256(BODY)}"'})
    host.files["storage/voice"] = Served(BODY, cut_after=[100_000])
    model = model_row(ModelFile(name="voice.onnx", official=host.url("voice.onnx")))

    puller(tmp_path).pull(model)

    assert host.ranges("storage/voice") == [None, "bytes=100000-"]
    assert (tmp_path / "tiny-model/voice.onnx").read_bytes() == BODY


class TestAFileWhoseHashNobodyKnows:
    def test_is_recorded_on_the_first_pull_and_held_to_it(self, host: FileServer, tmp_path: Path) -> None:
        host.files["voice.onnx"] = Served(BODY)
        model = model_row(ModelFile(name="voice.onnx", official=host.url("voice.onnx")))
        known = catalogue_of(model)

        puller(tmp_path).pull(model)
        folder = verified_folder(tmp_path, "tiny-model", catalogue=known)
        assert (folder / SUMS).read_text() == f"{sha256(BODY)}  voice.onnx\n"

        (folder / "voice.onnx").write_bytes(BODY[:-1] + b"?")
        with pytest.raises(ModelRefused, match="sha256 is"):
            verified_folder(tmp_path, "tiny-model", catalogue=known)

    def test_is_refused_when_its_host_later_serves_other_bytes(self, host: FileServer, tmp_path: Path) -> None:
        host.files["voice.onnx"] = Served(BODY)
        model = model_row(ModelFile(name="voice.onnx", official=host.url("voice.onnx")))
        puller(tmp_path).pull(model)
        (tmp_path / "tiny-model/voice.onnx").unlink()
        host.files["voice.onnx"] = Served(content(300_000, "other"))

        with pytest.raises(PullFailed, match=f"if its makers changed it, delete .*{SUMS}"):
            puller(tmp_path).pull(model)

    def test_is_held_to_the_hash_that_its_hub_names(self, host: FileServer, tmp_path: Path) -> None:
        host.files["voice.onnx"] = Served(BODY, headers={"X-Linked-Etag": f'"{sha256(b"the real one")}"'})
        model = model_row(ModelFile(name="voice.onnx", official=host.url("voice.onnx")))

        with pytest.raises(PullFailed, match=sha256(b"the real one")):
            puller(tmp_path).pull(model)
        assert not (tmp_path / "tiny-model/voice.onnx").exists()

    def test_goes_on_only_where_the_host_says_it_is_the_same_file(self, host: FileServer, tmp_path: Path) -> None:
        host.files["voice.onnx"] = Served(BODY, cut_after=[100_000, 0, 0, 0, 0])
        model = model_row(ModelFile(name="voice.onnx", official=host.url("voice.onnx")))
        with pytest.raises(PullFailed):
            puller(tmp_path).pull(model)
        newer = content(300_000, "newer")
        host.files["voice.onnx"] = Served(newer, etag='"v2"')

        puller(tmp_path).pull(model)

        assert (tmp_path / "tiny-model/voice.onnx").read_bytes() == newer

    def test_without_a_recorded_hash_is_not_used(self, host: FileServer, tmp_path: Path) -> None:
        model = model_row(ModelFile(name="voice.onnx", official=host.url("voice.onnx")))
        (tmp_path / "tiny-model").mkdir()
        (tmp_path / "tiny-model/voice.onnx").write_bytes(BODY)

        assert list(faults(model, tmp_path / "tiny-model")) == [
            f"tiny-model/voice.onnx: its hash was never recorded in {SUMS}"
        ]


def test_too_little_room_is_told_before_anything_is_asked(
    host: FileServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    host.files["voice.onnx"] = Served(BODY)
    model = model_row(file_row("voice.onnx", BODY, url=host.url("voice.onnx")))
    usage = shutil.disk_usage(tmp_path)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage._replace(free=60_000_000))

    with pytest.raises(DiskFull, match=r"60 MB free and 64 MB are needed: free some space or set PRIYA_HOME"):
        puller(tmp_path).pull(model)
    assert host.asked == []


def test_a_file_in_place_of_the_models_folder_is_told_in_one_sentence(host: FileServer, tmp_path: Path) -> None:
    model = model_row(file_row("voice.onnx", BODY, url=host.url("voice.onnx")))
    (tmp_path / "models").write_text("not a folder")

    with pytest.raises(PullFailed, match="can't be written"):
        puller(tmp_path / "models").pull(model)
