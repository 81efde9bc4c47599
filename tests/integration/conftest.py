"""A stack of real processes with instant engines, shared by the tests of this folder."""

from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from celery import Celery
from celery.result import AsyncResult

from bot.turns import Turns, Who
from tests.fakes.engine_journal import JOURNAL, EngineJournal
from tests.fakes.stages import ENVIRONMENT
from tests.running import RunningValkey, RunningWorker

type Results = Callable[[str], AsyncResult]


@pytest.fixture(scope="session")
def valkey(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningValkey]:
    with RunningValkey(tmp_path_factory.mktemp("valkey")) as running:
        yield running


@pytest.fixture(scope="session")
def journal(tmp_path_factory: pytest.TempPathFactory) -> EngineJournal:
    """What the workers' engines did, in all tests so far."""
    return EngineJournal(tmp_path_factory.mktemp("journal") / "engines")


@pytest.fixture(scope="session")
def workers(valkey: RunningValkey, tmp_path_factory: pytest.TempPathFactory, journal: EngineJournal) -> Iterator[None]:
    """One worker of each stage that a turn needs."""
    folder: Path = tmp_path_factory.mktemp("workers")
    environment = {**ENVIRONMENT, JOURNAL: str(journal.path)}
    with ExitStack() as running:
        for stage in ("transcribe", "generate", "synthesize"):
            running.enter_context(RunningWorker(stage, valkey.url, folder, environment))
        yield


@pytest.fixture
async def turns(valkey: RunningValkey, workers: None) -> AsyncIterator[Turns]:
    async with Turns(valkey.url, request_seconds=20) as open_turns:
        await open_turns.dispatcher.warm_up()
        yield open_turns


@pytest.fixture(scope="session")
def results(valkey: RunningValkey) -> Results:
    """A task's result, by its id, as Flower and AsyncResult find it."""
    celery = Celery("results", backend=valkey.url, set_as_current=False)
    return lambda task_id: AsyncResult(task_id, app=celery)


@pytest.fixture
def who(request: pytest.FixtureRequest) -> Who:
    """Somebody with a conversation of their own."""
    return Who("u1", "Asha", f"test:{request.node.name}")
