"""What the headers of a good response tell about a provider's limits on requests."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from workers.cloud.dialect import Allowance
from workers.cloud.waits import seconds_until

_NUMBER: Final = re.compile(r"\s*(\d{1,9})")


@dataclass(frozen=True, slots=True)
class _Names:
    left: str
    limit: str
    reset: str
    window_seconds: float | None = None
    """How long the limit lasts at most, where the reset is not told."""


def _requests(suffix: str, window_seconds: float | None) -> _Names:
    return _Names(
        f"x-ratelimit-remaining-{suffix}", f"x-ratelimit-limit-{suffix}", f"x-ratelimit-reset-{suffix}", window_seconds
    )


_KNOWN: Final = (
    _requests("requests", None),
    _requests("requests-minute", 60.0),
    _requests("requests-day", 86_400.0),
    _requests("req-minute", 60.0),
    _Names("x-ratelimit-remaining", "x-ratelimit-limit", "x-ratelimit-reset"),
    _Names("ratelimit-remaining", "ratelimit-limit", "ratelimit-reset"),
    _Names(
        "anthropic-ratelimit-requests-remaining",
        "anthropic-ratelimit-requests-limit",
        "anthropic-ratelimit-requests-reset",
    ),
)
"""Whether ``requests`` are those of a minute or, as at Groq, of a day, only the reset tells. Tokens are not looked at:
an answer needs few, and a request that is refused for them says so."""


def allowance_of(headers: Mapping[str, str], now: float) -> Allowance | None:
    """The tightest limit of those that are told; ``now`` in seconds since the epoch. None when none is."""
    small = {name.lower(): value for name, value in headers.items()}
    told = [allowance for names in _KNOWN if (allowance := _read(small, names, now)) is not None]
    return min(told, key=_part_left, default=None)


def _read(headers: Mapping[str, str], names: _Names, now: float) -> Allowance | None:
    left = _count(headers.get(names.left, ""))
    if left is None:
        return None
    reset = seconds_until(headers.get(names.reset, ""), now)
    return Allowance(left, _count(headers.get(names.limit, "")), names.window_seconds if reset is None else reset)


def _part_left(allowance: Allowance) -> float:
    if allowance.requests_left is None or not allowance.requests_limit:
        return 1.0
    return allowance.requests_left / allowance.requests_limit


def _count(text: str) -> int | None:
    """The number at the beginning; some write ``20, 20;w=60``, some ``20.0``."""
    found = _NUMBER.match(text)
    return int(found[1]) if found else None
