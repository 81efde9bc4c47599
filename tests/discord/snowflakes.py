"""Ids as Discord makes them: the time in milliseconds since 2015, then a count."""

import random
from datetime import UTC, datetime
from typing import Final

DISCORD_EPOCH_MS: Final = 1_420_070_400_000
SIMULATED_START_MS: Final = 1_767_225_600_000
"""1 January 2026: ids are the same in every run, and as old as an answer that was just written may be."""


class Snowflakes:
    """Ids that only grow, the same ones for the same seed. Each is a millisecond younger than the one before."""

    def __init__(self, seed: int) -> None:
        self._milliseconds = SIMULATED_START_MS - DISCORD_EPOCH_MS
        self._chance = random.Random(f"snowflakes:{seed}")

    def next(self) -> int:
        self._milliseconds += 1
        return self._milliseconds << 22 | self._chance.getrandbits(12)


def timestamp_of(snowflake: int) -> str:
    """When the thing with this id was made, as Discord writes it (ISO 8601, UTC)."""
    return datetime.fromtimestamp(((snowflake >> 22) + DISCORD_EPOCH_MS) / 1000, UTC).isoformat()
