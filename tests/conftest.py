"""What all tests stand on: a clean environment, and the models where the product keeps them."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from config.settings import Settings

KEPT = ("PATH", "HOME", "LANG", "LC_ALL", "TMPDIR", "PRIYA_HOME", "CI", "PYTHONPATH", "VIRTUAL_ENV", "TERM")
KEPT_BEGINNINGS = ("PIP_", "UV_", "SSL_", "REQUESTS_", "CURL_", "PYTEST_", "COV")

SHARING_CORES = ("contract", "unit")

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


@pytest.fixture(autouse=True, scope="module")
def own_cores(request: pytest.FixtureRequest, worker_id: str) -> Iterator[None]:
    """Beside other tests, one that computes has its own share of the cores: threads of two models that share them all
    wait for each other most of the time. Whole stacks run where they like."""
    everywhere = os.sched_getaffinity(0)
    place = request.path.relative_to(Path(__file__).parent).parts[0]
    if worker_id != "master" and place in SHARING_CORES:
        beside = int(os.environ["PYTEST_XDIST_WORKER_COUNT"])
        mine = sorted(everywhere)[int(worker_id.removeprefix("gw")) :: beside]
        os.sched_setaffinity(0, mine or everywhere)
    yield
    os.sched_setaffinity(0, everywhere)


@pytest.fixture(scope="session")
def models_folder() -> Path:
    """The real models. ``make test`` pulls them first; a missing one fails its tests."""
    return REAL_MODELS


@pytest.fixture
def settings(models_folder: Path) -> Settings:
    """Settings of a process with nothing set but the home with the real models."""
    return Settings(_env_file=None, priya_home=models_folder.parent)
