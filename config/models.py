"""Where models lie, and whether they are what the catalogue says they are.

Files are hashed each time an engine loads them: a size and a date say nothing about a flipped bit.
SHA-256 runs at about 1 GB/s on a CPU with SHA instructions, so that this is little beside the load itself.
"""

import hashlib
from collections.abc import Iterator, Mapping
from pathlib import Path

from loguru import logger

from config.catalogue import SUMS, Catalogue, Model, ModelFile, is_plain_name, shipped_catalogue


class ModelRefused(Exception):
    """A model's file is missing, truncated or not the one in the catalogue. The message names it and the mend."""


class ModelNotPulled(ModelRefused):
    """Nothing of the model is there yet: it only has to be pulled."""


def verified_folder(models_folder: Path, name: str, *, catalogue: Catalogue | None = None) -> Path:
    """The folder of model ``name``, after every file in it was checked. Raises ModelRefused.

    A folder that is not in the catalogue is the user's own model and taken on trust, with a warning;
    where a SHA256SUMS lies in it, it is held to that. Reads every byte of the model."""
    known = catalogue or shipped_catalogue()
    if not is_plain_name(name):
        raise ModelRefused(f"{name!r} is not a model's name: give the name of a folder in {models_folder}")
    folder = models_folder / name
    model = known.find(name)
    if model is None:
        _check_own_model(folder, name, known)
    elif not any((folder / file.name).exists() for file in model.file):
        raise ModelNotPulled(f"model {name} is not pulled; {mend(name)}")
    else:
        for fault in faults(model, folder):
            raise ModelRefused(f"{fault}; {mend(name)}")
    return folder


def mend(name: str) -> str:
    return f"run: python -m workers.models pull {name}"


def faults(model: Model, folder: Path) -> Iterator[str]:
    """What is wrong with a model's files, one sentence each without the mend, in catalogue order."""
    sums = recorded_sums(folder)
    for file in model.file:
        fault = file_fault(file, folder, sums)
        if fault is not None:
            yield f"{model.name}/{file.name}: {fault}"


def file_fault(file: ModelFile, folder: Path, sums: Mapping[str, str]) -> str | None:
    """What is wrong with one file on disk, or None. ``sums`` are those of ``recorded_sums``."""
    expected = file.sha256 or sums.get(file.name)
    path = folder / file.name
    try:
        size = path.stat().st_size
        if file.size is not None and size != file.size:
            return f"is {size} bytes long, expected {file.size}"
        if expected is None:
            return f"its hash was never recorded in {SUMS}"
        actual = sha256_of(path)
    except FileNotFoundError:
        return "is missing"
    except OSError as error:
        return f"can't be read ({error.strerror})"
    return None if actual == expected else f"sha256 is {actual}, expected {expected}"


def sha256_of(path: Path) -> str:
    with path.open("rb") as content:
        return hashlib.file_digest(content, "sha256").hexdigest()


def recorded_sums(folder: Path) -> dict[str, str]:
    """The hashes in the folder's SHA256SUMS by file name, in the format of ``sha256sum``; {} without one."""
    try:
        lines = (folder / SUMS).read_text("utf-8").splitlines()
    except (FileNotFoundError, NotADirectoryError):
        return {}
    except (OSError, UnicodeDecodeError) as error:
        raise ModelRefused(
            f"{folder.name}/{SUMS} can't be read ({error}); delete it and {mend(folder.name)}"
        ) from error
    sums = {}
    for line in lines:
        digest, _, name = line.partition(" ")
        if len(digest) == 64 and is_plain_name(name.lstrip(" *")):
            sums[name.lstrip(" *")] = digest.lower()
    return sums


def _check_own_model(folder: Path, name: str, known: Catalogue) -> None:
    if not folder.is_dir():
        raise ModelRefused(f"{known.nearest(name)} (your own model would lie in {folder})")
    if not any(path.is_file() for path in folder.iterdir()):
        raise ModelRefused(f"{name}: {folder} is empty")
    sums = recorded_sums(folder)
    for file_name, expected in sums.items():
        try:
            actual = sha256_of(folder / file_name)
        except OSError as error:
            raise ModelRefused(
                f"{name}/{file_name}: can't be read ({error.strerror}), yet its {SUMS} names it"
            ) from error
        if actual != expected:
            raise ModelRefused(f"{name}/{file_name}: sha256 is {actual}, expected {expected} by its {SUMS}")
    if not sums:
        logger.warning("model {} is not in the catalogue, taken on trust", name)
