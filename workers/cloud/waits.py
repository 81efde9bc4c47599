"""How long a provider wants to be left alone, in all the ways in which providers say so."""

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Final

LONGEST_WAIT_SECONDS: Final = 86_400.0
"""What is longer is a mistake, or a limit that lasts until tomorrow."""
EPOCH_SECONDS: Final = 1e9
EPOCH_MILLISECONDS: Final = 1e11
"""Numbers from here on are no durations but points of time."""
_DURATION: Final = re.compile(r"(?:(\d+)d)?(?:(\d+)h)?(?:(\d+)m(?!s))?(?:(\d+(?:\.\d+)?)s)?(?:(\d+(?:\.\d+)?)ms)?")
_UNITS: Final = (86_400.0, 3_600.0, 60.0, 1.0, 0.001)
RESET_HEADERS: Final = (
    "x-ratelimit-reset-requests",
    "x-ratelimit-reset-requests-minute",
    "x-ratelimit-reset-tokens",
    "x-ratelimit-reset-tokens-minute",
    "x-ratelimit-reset-requests-day",
    "x-ratelimit-reset",
    "ratelimit-reset",
    "anthropic-ratelimit-requests-reset",
    "anthropic-ratelimit-input-tokens-reset",
    "anthropic-ratelimit-output-tokens-reset",
)
"""Each names its limit's end; which of the limits was reached, ``remaining`` of the same name tells."""


def seconds_until(value: str, now: float) -> float | None:
    """A duration (``2``, ``1m2.5s``, ``12ms``) or a point of time (epoch, RFC 3339, HTTP date) as seconds from ``now``,
    which is seconds since the epoch. None when it is none of these."""
    text = value.strip()
    number = _number(text)
    if number is not None:
        if number >= EPOCH_MILLISECONDS:
            number = number / 1000 - now
        elif number >= EPOCH_SECONDS:
            number -= now
        return _sensible(number)
    found = _DURATION.fullmatch(text.lower())
    if text and found:
        return _sensible(sum(float(part) * unit for part, unit in zip(found.groups(), _UNITS, strict=True) if part))
    moment = _moment(text)
    return None if moment is None else _sensible(moment.timestamp() - now)


def wait_told(headers: Mapping[str, str], body: object, now: float) -> float | None:
    """What an answer that says "too much" says about when to come back. ``headers`` with small letters."""
    milliseconds = _number(headers.get("retry-after-ms", ""))
    if milliseconds is not None:
        return _sensible(milliseconds / 1000)
    told = seconds_until(headers.get("retry-after", ""), now)
    if told is not None:
        return told
    told = _in_body(body, now)
    if told is not None:
        return told
    waits = [(name, seconds_until(headers[name], now)) for name in RESET_HEADERS if name in headers]
    exhausted = [wait for name, wait in waits if wait is not None and _is_used_up(headers, name)]
    if exhausted:
        return max(exhausted)
    return next((wait for _, wait in waits if wait is not None), None)


def _is_used_up(headers: Mapping[str, str], reset_header: str) -> bool:
    left = reset_header.replace("reset", "remaining") if reset_header.startswith("x-") else ""
    if reset_header.startswith("anthropic-"):
        left = f"{reset_header.removesuffix('reset')}remaining"
    return _number(headers.get(left, "")) == 0


def _in_body(body: object, now: float) -> float | None:
    """Google's RetryInfo, and headers that OpenRouter hands on in the body."""
    if isinstance(body, list):
        body = body[0] if body else None
    error = body.get("error") if isinstance(body, dict) else None
    if not isinstance(error, dict):
        return None
    details = error.get("details")
    for detail in details if isinstance(details, list) else ():
        if isinstance(detail, dict) and isinstance(detail.get("retryDelay"), str):
            return seconds_until(detail["retryDelay"], now)
    metadata = error.get("metadata")
    handed_on = metadata.get("headers") if isinstance(metadata, dict) else None
    if isinstance(handed_on, dict):
        return wait_told({str(name).lower(): str(value) for name, value in handed_on.items()}, None, now)
    return None


def _number(text: str) -> float | None:
    try:
        number = float(text)
    except ValueError:
        return None
    return number if 0 <= number < float("inf") else None


def _moment(text: str) -> datetime | None:
    for read in (datetime.fromisoformat, parsedate_to_datetime):
        try:
            moment = read(text)
        except (ValueError, TypeError, IndexError, OverflowError):
            continue
        return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    return None


def _sensible(seconds: float) -> float:
    return min(max(0.0, seconds), LONGEST_WAIT_SECONDS)
