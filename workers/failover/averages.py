"""Moving averages of how an engine does: the last dozen or so attempts count, older ones fade."""

from typing import Final

LATENCY_WEIGHT: Final = 0.2
SUCCESS_WEIGHT: Final = 0.1
RATE_AFTER_PROBE: Final = 0.5
"""At least: whoever was never asked again because it failed could never show that it works."""


def after_first(average: float | None, seconds: float) -> float:
    """The average time to the first text or sound, after one more."""
    return seconds if average is None else average + LATENCY_WEIGHT * (seconds - average)


def after_attempt(rate: float, *, is_success: bool) -> float:
    """The rate of success, from 0 to 1, after one more attempt."""
    return rate + SUCCESS_WEIGHT * (is_success - rate)
