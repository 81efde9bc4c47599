import math

import pytest

from bot.commands.status import duration, latency_ms, own_memory_mb


@pytest.mark.parametrize(
    ("seconds", "told"),
    [
        (-1.0, "0s"),
        (0.9, "0s"),
        (59.9, "59s"),
        (60.0, "1m"),
        (3_725.0, "1h 2m 5s"),
        (86_400.0, "1d"),
        (90_061.0, "1d 1h 1m"),
        (1e7, "115d 17h 46m"),
    ],
)
def test_a_duration_is_told_by_its_three_largest_units(seconds: float, told: str) -> None:
    assert duration(seconds) == told


@pytest.mark.parametrize(("seconds", "told"), [(0.0421, "42"), (math.nan, "?"), (math.inf, "?")])
def test_the_way_to_discord_is_told_once_it_is_known(seconds: float, told: str) -> None:
    assert latency_ms(seconds) == told


def test_a_process_takes_memory() -> None:
    assert 5 < own_memory_mb() < 100_000
