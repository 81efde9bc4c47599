"""Rows of the model catalogue: what comes with Priya is right, and a bad row names itself."""

from pathlib import Path

import pytest

from config.catalogue import CatalogueError, load_catalogue, shipped_catalogue
from config.settings import Settings

ROW = """
[[model]]
name = "{name}"
kind = "voice"
engines = ["piper"]
licence = "MIT"
languages = ["en"]
tier = "other"

[[model.file]]
name = "{file}"
size = 5
sha256 = "{digest}"
official = "{url}"
mirror = [{{ package = "{package}", version = "1.0", member = "{member}" }}]
"""
GOOD = {
    "name": "nice",
    "file": "voice.onnx",
    "digest": "0" * 64,
    "url": "https://example.org/voice.onnx",
    "package": "some-voice",
    "member": "some_voice/voice.onnx",
}


def _write(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "models.toml"
    path.write_text(text)
    return path


def test_the_shipped_catalogue_loads_and_has_every_default_model_in_the_starter_tier() -> None:
    starter = {model.name for model in shipped_catalogue().tier("starter")}
    defaults = Settings.model_fields

    assert {defaults[name].default for name in ("whisper_model", "language_model", "piper_voice")} <= starter
    assert "smart-turn-v3.2" in starter


def test_every_starter_model_is_pinned_and_can_be_had_both_ways() -> None:
    for model in shipped_catalogue().tier("starter"):
        for file in model.file:
            assert file.sha256, file.name
            assert file.mirror, file.name
            assert file.official, file.name


def test_official_addresses_with_a_known_hash_name_a_revision_or_say_main_on_purpose() -> None:
    """A pinned hash under a moving branch breaks when the branch moves; only Piper's voices have no better."""
    for model in shipped_catalogue().models:
        for file in model.file:
            if file.sha256 and file.official and "/resolve/main/" in file.official:
                assert "rhasspy/piper-voices" in file.official


def test_a_good_row_loads(tmp_path: Path) -> None:
    model = load_catalogue(_write(tmp_path, ROW.format(**GOOD))).find("nice")

    assert model is not None
    assert model.file[0].mirror[0].requirement == "some-voice==1.0"


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("file", "../../.bashrc"),
        ("file", "/etc/passwd"),
        ("file", "folder/voice.onnx"),
        ("file", ".lock"),
        ("file", "SHA256SUMS"),
        ("file", "voice.onnx.part"),
        ("digest", "0" * 63),
        ("digest", "G" * 64),
        ("url", "http://example.org/voice.onnx"),
        ("url", "file:///etc/passwd"),
        ("package", "--index-url"),
        ("package", "a b"),
        ("member", "../voice.onnx"),
        ("member", "/voice.onnx"),
    ],
)
def test_a_bad_value_stops_the_load_and_names_its_row(field: str, value: str, tmp_path: Path) -> None:
    with pytest.raises(CatalogueError, match=r"models\.toml: model 'nice' file '"):
        load_catalogue(_write(tmp_path, ROW.format(**GOOD | {field: value})))


@pytest.mark.parametrize("name", ["../up", "a/b", "", ".hidden", "-rf"])
def test_a_bad_model_name_is_named(name: str, tmp_path: Path) -> None:
    with pytest.raises(CatalogueError, match="must be a plain name"):
        load_catalogue(_write(tmp_path, ROW.format(**GOOD | {"name": name})))


def test_an_unknown_key_is_named_with_its_row(tmp_path: Path) -> None:
    text = ROW.format(**GOOD).replace('licence = "MIT"', 'licence = "MIT"\nlicense = "MIT"')
    with pytest.raises(CatalogueError, match="model 'nice' license: Extra inputs are not permitted"):
        load_catalogue(_write(tmp_path, text))


def test_a_name_that_is_there_twice_is_named(tmp_path: Path) -> None:
    with pytest.raises(CatalogueError, match="model 'nice' is there twice"):
        load_catalogue(_write(tmp_path, ROW.format(**GOOD) * 2))


def test_a_mirror_without_a_hash_is_refused(tmp_path: Path) -> None:
    text = "\n".join(line for line in ROW.format(**GOOD).splitlines() if not line.startswith("sha256"))
    with pytest.raises(CatalogueError, match="a mirrored file needs its sha256 and size"):
        load_catalogue(_write(tmp_path, text))


def test_broken_toml_names_the_file_and_the_line(tmp_path: Path) -> None:
    with pytest.raises(CatalogueError, match=r"models\.toml: .*line 2"):
        load_catalogue(_write(tmp_path, "\n[[model\n"))
