"""What takes long to load or to speak, once for all contract tests."""

import random
from collections.abc import Iterator
from pathlib import Path

import pytest
from loguru import logger

from config.settings import Settings
from tasks.connections import connect
from tasks.ledger import RedisLedger
from tests.contract.ledgers import CAP_USD, LONGEST_CALL, AnyLedger, Clock
from tests.contract.speech_corpus import Clip, Voices, corpus
from tests.contract.whispers import speech_models
from tests.running import RunningValkey
from workers.engines import Transcriber
from workers.failover.memory_ledger import MemoryLedger
from workers.speech_to_text.listener import Listener


@pytest.fixture(scope="package")
def voices(models_folder: Path) -> Voices:
    return Voices(models_folder)


@pytest.fixture(scope="package")
def clips(voices: Voices) -> list[Clip]:
    return list(corpus(voices))


@pytest.fixture(scope="package")
def whispers(models_folder: Path) -> dict[str, Transcriber]:
    """Both engines by name, on the multilingual base model."""
    home = Settings(_env_file=None, priya_home=models_folder.parent)
    return {name: Listener(name, model) for name, model in speech_models(home).items()}


@pytest.fixture(scope="package")
def valkey(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningValkey]:
    with RunningValkey(tmp_path_factory.mktemp("ledgers")) as running:
        yield running


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture(params=["memory", "redis"])
def ledger(request: pytest.FixtureRequest, clock: Clock) -> Iterator[AnyLedger]:
    chance = random.Random(4)
    if request.param == "memory":
        yield MemoryLedger(daily_spend_usd=CAP_USD, longest_call=LONGEST_CALL, clock=clock, chance=chance)
        return
    valkey: RunningValkey = request.getfixturevalue("valkey")
    with connect(valkey.url) as redis:
        redis.flushdb()
        shared = RedisLedger(
            redis,
            "generate",
            host="here",
            daily_spend_usd=CAP_USD,
            longest_call=LONGEST_CALL,
            clock=clock,
            chance=chance,
        )
        yield shared
        shared.close()


@pytest.fixture
def said() -> Iterator[list[str]]:
    """The log, a line each."""
    lines: list[str] = []
    sink = logger.add(lambda line: lines.append(str(line)), format="{level} {message}", level="DEBUG")
    yield lines
    logger.remove(sink)
