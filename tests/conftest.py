"""What all tests stand on: a clean environment, and the models where the product keeps them."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from config.settings import Settings

KEPT = ("PATH", "HOME", "LANG", "LC_ALL", "TMPDIR", "PRIYA_HOME", "CI", "PYTHONPATH", "VIRTUAL_ENV", "TERM")
KEPT_BEGINNINGS = ("PIP_", "UV_", "SSL_", "REQUESTS_", "CURL_", "PYTEST_", "COV")

REAL_MODELS = Path(os.environ.get("PRIYA_HOME", "~/.local/share/priya")).expanduser() / "models"


@pytest.fixture(autouse=True, scope="session")
def clean_environment() -> Iterator[None]:
    """No key, token or setting of the person who runs the tests gets into them."""
    kept = {name: value for name, value in os.environ.items() if name in KEPT or name.startswith(KEPT_BEGINNINGS)}
    before = dict(os.environ)
    os.environ.clear()
    os.environ.update(kept)
    yield
    os.environ.clear()
    os.environ.update(before)


@pytest.fixture(scope="session")
def models_folder() -> Path:
    """The real models. ``make test`` pulls them first; a missing one fails its tests."""
    return REAL_MODELS


@pytest.fixture
def settings(models_folder: Path) -> Settings:
    """Settings of a process with nothing set but the home with the real models."""
    return Settings(_env_file=None, priya_home=models_folder.parent)
