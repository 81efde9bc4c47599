"""What an engine may load: whole files with the right bytes, or a person's own model by name."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from loguru import logger

from config.catalogue import Catalogue, Model, ModelFile, shipped_catalogue
from config.models import ModelNotPulled, ModelRefused, sha256_of, verified_folder

BODY = b"weights" * 1000


def _model(body: bytes, digest: str) -> Model:
    file = ModelFile(name="model.bin", size=len(body), sha256=digest, official="https://example.org/model.bin")
    return Model(
        name="own-test", kind="language", engines=("x",), licence="MIT", languages=("en",), tier="other", file=(file,)
    )


@pytest.fixture
def known(tmp_path: Path) -> Catalogue:
    path = tmp_path / "reference"
    path.write_bytes(BODY)
    return Catalogue((_model(BODY, sha256_of(path)),))


@pytest.fixture
def warnings() -> Iterator[list[str]]:
    told: list[str] = []
    sink = logger.add(lambda message: told.append(message.record["message"]), level="WARNING")
    yield told
    logger.remove(sink)


def test_the_hash_is_sha256_as_others_compute_it(tmp_path: Path) -> None:
    (tmp_path / "abc").write_bytes(b"abc")  # FIPS 180-2, appendix B.1

    assert sha256_of(tmp_path / "abc") == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"


def test_a_model_that_is_not_pulled_names_the_command(known: Catalogue, tmp_path: Path) -> None:
    with pytest.raises(ModelNotPulled) as refusal:
        verified_folder(tmp_path, "own-test", catalogue=known)
    assert str(refusal.value) == "model own-test is not pulled; run: python -m workers.models pull own-test"


def test_a_flipped_bit_is_found_though_size_and_date_are_the_same(known: Catalogue, tmp_path: Path) -> None:
    path = tmp_path / "own-test/model.bin"
    path.parent.mkdir()
    path.write_bytes(BODY)
    before = path.stat()
    assert verified_folder(tmp_path, "own-test", catalogue=known) == path.parent
    flipped = bytearray(BODY)
    flipped[3500] ^= 4
    path.write_bytes(flipped)
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))

    with pytest.raises(ModelRefused, match=r"own-test/model\.bin: sha256 is .*, expected .*; run: python -m"):
        verified_folder(tmp_path, "own-test", catalogue=known)


@pytest.mark.parametrize("name", ["../own-test", "/etc", "a/b", "..", ".", "", ".hidden", "-v", "a\\b", "a\0b"])
def test_a_name_that_leaves_the_models_folder_is_refused(name: str, known: Catalogue, tmp_path: Path) -> None:
    models = tmp_path / "models"
    models.mkdir()
    (tmp_path / "own-test").mkdir()
    (tmp_path / "own-test/model.bin").write_bytes(BODY)

    with pytest.raises(ModelRefused, match="is not a model's name"):
        verified_folder(models, name, catalogue=known)


def test_a_misspelt_name_gets_the_nearest_ones(tmp_path: Path) -> None:
    with pytest.raises(ModelRefused, match="did you mean whisper-base"):
        verified_folder(tmp_path, "wisper-base")


class TestAPersonsOwnModel:
    def test_is_used_with_a_warning(self, known: Catalogue, tmp_path: Path, warnings: list[str]) -> None:
        folder = tmp_path / "my-friend"
        folder.mkdir()
        (folder / "my-friend.gguf").write_bytes(BODY)

        assert verified_folder(tmp_path, "my-friend", catalogue=known) == folder
        assert warnings == ["model my-friend is not in the catalogue, taken on trust"]

    def test_is_held_to_the_sums_beside_it(self, known: Catalogue, tmp_path: Path, warnings: list[str]) -> None:
        folder = tmp_path / "my-friend"
        folder.mkdir()
        (folder / "my-friend.gguf").write_bytes(BODY)
        (folder / "SHA256SUMS").write_text(f"{sha256_of(folder / 'my-friend.gguf')} *my-friend.gguf\n")
        assert verified_folder(tmp_path, "my-friend", catalogue=known) == folder
        assert warnings == []

        (folder / "my-friend.gguf").write_bytes(BODY[:-1])
        with pytest.raises(ModelRefused, match=r"my-friend/my-friend\.gguf: sha256 is"):
            verified_folder(tmp_path, "my-friend", catalogue=known)
        (folder / "my-friend.gguf").unlink()
        with pytest.raises(ModelRefused, match="No such file"):
            verified_folder(tmp_path, "my-friend", catalogue=known)

    def test_may_not_be_an_empty_folder(self, known: Catalogue, tmp_path: Path) -> None:
        (tmp_path / "my-friend").mkdir()
        with pytest.raises(ModelRefused, match="is empty"):
            verified_folder(tmp_path, "my-friend", catalogue=known)


def test_an_unreadable_file_of_sums_is_named(tmp_path: Path) -> None:
    (tmp_path / "my-friend").mkdir()
    (tmp_path / "my-friend/SHA256SUMS").write_bytes(b"\xff\xfe\xff")
    with pytest.raises(ModelRefused, match="my-friend/SHA256SUMS can't be read"):
        verified_folder(tmp_path, "my-friend", catalogue=shipped_catalogue())
