from collections.abc import Iterator

import pytest
from loguru import logger


@pytest.fixture
def lines() -> Iterator[list[str]]:
    """What is logged as a warning or worse."""
    kept: list[str] = []
    sink = logger.add(lambda message: kept.append(message.record["message"]), level="WARNING")
    yield kept
    logger.remove(sink)
