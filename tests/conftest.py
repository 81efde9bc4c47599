"""What all tests stand on: a clean environment, and the models where the product keeps them."""

import os
from collections.abc import Iterator
from pathlib import Path

import hypothesis
import pytest

from config.settings import Settings

KEPT = ("PATH", "HOME", "LANG", "LC_ALL", "TMPDIR", "PRIYA_HOME", "CI", "PYTHONPATH", "VIRTUAL_ENV", "TERM")
KEPT_BEGINNINGS = ("PIP_", "UV_", "SSL_", "REQUESTS_", "CURL_", "PYTEST_", "COV")

SHARING_CORES = ("contract", "unit")
ALL_CORES = sorted(os.sched_getaffinity(0))

REAL_MODELS = Path(os.environ.get("PRIYA_HOME", "~/.local/share/priya")).expanduser() / "models"


# How long an example takes says something about the machine, nothing about the code.
hypothesis.settings.register_profile("priya", deadline=None)
hypothesis.settings.load_profile("priya")


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item: pytest.Item) -> None:
    """Beside other tests, one that computes has its own share of the cores, and so have the engines that its fixtures
    load: threads of two models that share all cores wait for each other most of the time. Whole stacks run where they
    like."""
    process = os.environ.get("PYTEST_XDIST_WORKER", "")
    place = item.path.relative_to(Path(__file__).parent).parts[0]
    cores = ALL_CORES
    if process and place in SHARING_CORES:
        beside = int(os.environ["PYTEST_XDIST_WORKER_COUNT"])
        cores = ALL_CORES[int(process.removeprefix("gw")) :: beside] or ALL_CORES
    os.sched_setaffinity(0, cores)


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
