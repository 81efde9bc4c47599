"""The commands ``list``, ``pull`` and ``verify`` as a person types them."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from config.catalogue import Catalogue
from tests.fakes.file_server import FileServer, Served, file_server
from tests.unit.workers.model_shelf import catalogue_of, content, file_row, model_row
from workers.models.__main__ import DONE, FAILED, MISUSED, main

VOICE = content(50_000, "voice")
EARS = content(60_000, "ears")


@pytest.fixture
def host() -> Iterator[FileServer]:
    with file_server() as server:
        server.files["voice.onnx"] = Served(VOICE)
        server.files["ears.bin"] = Served(EARS)
        yield server


@pytest.fixture
def known(host: FileServer) -> Catalogue:
    return catalogue_of(
        model_row(file_row("voice.onnx", VOICE, url=host.url("voice.onnx")), name="piper-nice"),
        model_row(file_row("ears.bin", EARS, url=host.url("ears.bin")), name="whisper-nice"),
    )


@pytest.fixture(autouse=True)
def models(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("PRIYA_HOME", str(tmp_path))
    return tmp_path / "models"


def test_pull_starter_brings_every_model_of_the_tier_and_is_content_the_second_time(
    known: Catalogue, models: Path, host: FileServer, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["pull", "starter"], catalogue=known) == DONE
    assert (models / "piper-nice/voice.onnx").read_bytes() == VOICE
    assert (models / "whisper-nice/ears.bin").read_bytes() == EARS
    asked = len(host.asked)

    assert main(["pull", "starter"], catalogue=known) == DONE
    assert len(host.asked) == asked
    assert capsys.readouterr().out.splitlines()[-2:] == [
        "piper-nice: already here, checked",
        "whisper-nice: already here, checked",
    ]


def test_one_model_that_fails_does_not_keep_the_others_from_coming(
    known: Catalogue, models: Path, host: FileServer, capsys: pytest.CaptureFixture[str]
) -> None:
    del host.files["voice.onnx"]

    assert main(["pull", "piper-nice", "whisper-nice"], catalogue=known) == FAILED
    assert (models / "whisper-nice/ears.bin").exists()
    assert "piper-nice/voice.onnx could not be pulled" in capsys.readouterr().err


def test_an_unknown_name_pulls_nothing_and_gets_the_nearest(
    known: Catalogue, models: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["pull", "whisper-nice", "wisper-nise"], catalogue=known) == MISUSED
    assert "no model is called 'wisper-nise'; did you mean whisper-nice" in capsys.readouterr().err
    assert not models.exists()


def test_verify_names_every_bad_file(known: Catalogue, models: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["pull", "starter"], catalogue=known) == DONE
    assert main(["verify"], catalogue=known) == DONE
    (models / "piper-nice/voice.onnx").write_bytes(VOICE[:-1] + b"?")
    (models / "whisper-nice/ears.bin").write_bytes(EARS[:-1])
    capsys.readouterr()

    assert main(["verify"], catalogue=known) == FAILED
    complaints = capsys.readouterr().err.splitlines()
    assert [line.split(":")[0] for line in complaints] == ["piper-nice/voice.onnx", "whisper-nice/ears.bin"]
    assert complaints[1].endswith("run: python -m workers.models pull whisper-nice")


def test_verify_with_nothing_here_fails_and_says_how_to_begin(
    known: Catalogue, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["verify"], catalogue=known) == FAILED
    assert "run: python -m workers.models pull starter" in capsys.readouterr().err


def test_verify_of_a_named_model_that_is_not_here_fails(known: Catalogue) -> None:
    assert main(["verify", "piper-nice"], catalogue=known) == FAILED


def test_list_tells_pulled_partial_missing_and_ones_own(
    known: Catalogue, models: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (models / "piper-nice").mkdir(parents=True)
    (models / "piper-nice/voice.onnx.part").write_bytes(VOICE[:100])
    (models / "my-friend").mkdir()
    (models / "my-friend/friend.gguf").write_bytes(b"GGUF")

    assert main(["list"], catalogue=known) == DONE
    rows = {line.split("│")[1].strip(): line for line in capsys.readouterr().out.splitlines() if "│" in line}
    assert "partial" in rows["piper-nice"]
    assert "missing" in rows["whisper-nice"]
    assert "taken on trust" in rows["my-friend"]


def test_a_setting_that_can_not_be_understood_is_named(
    known: Catalogue, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("MAX_TOKENS", "many")
    assert main(["list"], catalogue=known) == MISUSED
    assert "MAX_TOKENS" in capsys.readouterr().err


def test_help_documents_the_exit_codes(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["--help"])
    assert "could not be pulled" in capsys.readouterr().out
