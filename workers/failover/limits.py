"""How much of a provider's limits may be used, and what one call may cost at most. Arithmetic, no state.

Requests are counted in slices: a minute in slices of ten seconds, a day in slices of an hour. The sum over the slice
that runs and as many before it as make up the whole covers every sliding minute or day, so that a provider sees no
more than its limit however its own windows lie. A fixed window would let twice as many through around its edge, and a
log of every request would hold thousands of entries for a day.
"""

import math
from dataclasses import dataclass
from typing import Final

from config.providers import ChatProvider, HearProvider, Service, SpeakProvider

MARGIN: Final = 0.05
"""Of every limit, left for requests that we don't count: a key may be used elsewhere too."""


@dataclass(frozen=True, slots=True)
class Window:
    """A length of time in slices."""

    slice_seconds: int
    slices: int

    @property
    def seconds(self) -> int:
        return self.slice_seconds * self.slices

    def slice_at(self, now: float) -> int:
        return math.floor(now / self.slice_seconds)

    def oldest(self, now: float) -> int:
        """The first slice that still counts."""
        return self.slice_at(now) - self.slices


MINUTE: Final = Window(slice_seconds=10, slices=6)
DAY: Final = Window(slice_seconds=3600, slices=24)


def kept_below(limit: int) -> int:
    """How many of ``limit`` requests are used: always one less at least, unless there is only one."""
    return max(1, limit - max(1, math.ceil(limit * MARGIN)))


def margin_of(limit: int) -> int:
    """How many requests of ``limit`` are left alone; 0 for a limit that nobody told."""
    return limit - kept_below(limit) if limit > 0 else 0


@dataclass(frozen=True, slots=True)
class LongestCall:
    """No call is larger than this. What is set aside before a call must not be less than it can cost."""

    prompt_tokens: int = 4_096
    answer_tokens: int = 512
    speech_seconds: float = 30.0
    characters: int = 600
    """Of one sentence to speak."""


def most_usd(service: Service, longest: LongestCall) -> float:
    """What a call can cost at most. A row without a price is free."""
    match service:
        case ChatProvider():
            prompt = service.usd_per_million_in * longest.prompt_tokens
            # What a model thinks is billed as if it were said.
            said = longest.answer_tokens + service.thinking_tokens
            return (prompt + service.usd_per_million_out * said) / 1e6
        case HearProvider():
            return service.usd_per_hour * longest.speech_seconds / 3600
        case SpeakProvider():
            return service.usd_per_million_characters * longest.characters / 1e6
        case _:
            return 0.0
