"""What a provider's refusal means: statuses, error objects and broken connections as EngineErrors.

What is told of them goes to the log, so it holds neither the key nor what people said.
"""

import json
import re
from collections.abc import Iterable, Mapping
from typing import Final

import httpx2 as httpx

from workers.cloud.retired import tells_of_a_missing_model
from workers.cloud.waits import wait_told
from workers.errors import (
    EngineBusy,
    EngineError,
    EngineMisconfigured,
    EngineTimeout,
    EngineUnavailable,
    ModelRetired,
)

LONGEST_MESSAGE: Final = 200
SHORTEST_QUOTE: Final = 16
"""Characters of what was said that make a provider's message a quotation of it."""
CREDIT_REST_SECONDS: Final = 3_600.0
"""Credit that is used up comes back with the month or with a payment, and nobody should have to restart for that."""
OVERLOADED_REST_SECONDS: Final = 5.0

_STATUS_OF_MINIMAX: Final[Mapping[int, int]] = {1002: 429, 1004: 401, 1008: 402, 2049: 401, 2013: 400, 2056: 429}
_STATUS_OF_TYPE: Final[Mapping[str, int]] = {
    "authentication_error": 401,
    "invalid_api_key": 401,
    "permission_error": 403,
    "billing_error": 402,
    "insufficient_quota": 402,
    "insufficient_balance": 402,
    "rate_limit_error": 429,
    "rate_limit_exceeded": 429,
    "rate_limited": 429,
    "too_many_requests": 429,
    "overloaded_error": 529,
    "not_found_error": 404,
    "model_not_found": 404,
    "timeout_error": 504,
    "invalid_request_error": 400,
}
"""Names of errors inside a stream that began well, as the status that they would have had before it."""
_CREDIT: Final = re.compile(
    r"insufficient_(quota|balance|credit)|(credit|balance|billing).{0,40}(exhaust|deplet|too low)"
)
_TELLING: Final = ("code", "type", "status", "status_code", "param", "message", "msg", "status_msg")
_MASKED_KEY: Final = re.compile(r"\S*\*{3,}\S*")


class RequestRefused(EngineUnavailable):
    """It doesn't take this request, perhaps for one of its fields. Asked the same again, it says the same."""

    code = "request-refused"

    def __init__(self, engine: str, message: str, raw: str) -> None:
        super().__init__(engine, message)
        self.raw = raw
        """What it said, whole. May quote what people said, so it isn't for logs."""


def refusal(
    engine: str, status: int, headers: Mapping[str, str], raw: bytes, *, now: float, hidden: Iterable[str] = ()
) -> EngineError:
    """The error that a response with ``status`` is. ``hidden`` are the key and what was said."""
    body = _parsed(raw)
    small = {name.lower(): value for name, value in headers.items()}
    return _judged(engine, status, small, body, now=now, hidden=hidden)


def told_in_stream(engine: str, body: object, *, now: float, hidden: Iterable[str] = ()) -> EngineError:
    """The error that an error object is which came with status 200."""
    return _judged(engine, _status_in(body), {}, body, now=now, hidden=hidden)


def broken(engine: str, error: Exception) -> EngineError:
    """What became of a connection. Messages of httpx may quote headers, so only the kind of error is told."""
    if isinstance(error, httpx.TimeoutException):
        return EngineTimeout(engine, f"no answer in time ({type(error).__name__})")
    if isinstance(error, httpx.InvalidURL | httpx.UnsupportedProtocol | httpx.LocalProtocolError):
        return EngineMisconfigured(engine, f"its address or its key can't be sent ({type(error).__name__})")
    return EngineUnavailable(engine, f"the connection broke ({type(error).__name__})")


def _judged(
    engine: str, status: int, headers: Mapping[str, str], body: object, *, now: float, hidden: Iterable[str]
) -> EngineError:
    said = _said(body)
    message = f"{status} {_fit_for_logs(said, hidden)}".strip()
    if status in (400, 403, 404, 410, 422) and tells_of_a_missing_model(status, said):
        return ModelRetired(engine, message)
    if status == 402 or (status in (400, 403, 429) and _CREDIT.search(said.lower())):
        return EngineBusy(engine, f"its credit is used up: {message}", CREDIT_REST_SECONDS)
    if status in (401, 403, 407):
        return EngineMisconfigured(engine, message)
    if 300 <= status < 400:
        return EngineMisconfigured(engine, f"its address has moved: {message}")
    wait = wait_told(headers, body, now)
    if status == 429:
        return EngineBusy(engine, message, wait)
    if status == 529 or (status == 503 and wait is not None):
        return EngineBusy(engine, message, OVERLOADED_REST_SECONDS if wait is None else wait)
    if status in (408, 504, 524):
        return EngineTimeout(engine, message)
    if status in (400, 413, 422):
        return RequestRefused(engine, message, json.dumps(body))
    return EngineUnavailable(engine, message)


def _parsed(raw: bytes) -> object:
    try:
        return json.loads(raw)
    except (ValueError, RecursionError):
        return raw.decode("utf-8", "replace")


def _error_in(body: object) -> object:
    """The innermost object that says what is wrong."""
    if isinstance(body, list) and body:
        body = body[0]
    if isinstance(body, dict):
        for name in ("error", "errors", "detail", "base_resp"):
            inner = body.get(name)
            if isinstance(inner, list) and inner:
                inner = inner[0]
            if isinstance(inner, dict) or (isinstance(inner, str) and inner and "message" not in body):
                return inner
    return body


def _status_in(body: object) -> int:
    error = _error_in(body)
    if not isinstance(error, dict):
        return 500
    names = [error.get(name) for name in ("code", "status", "status_code", "http_code", "type")]
    for name in names:
        number = int(name) if isinstance(name, str) and name.isdecimal() else name
        if isinstance(number, int) and 400 <= number < 600:
            return number
        if isinstance(number, int) and number in _STATUS_OF_MINIMAX:
            return _STATUS_OF_MINIMAX[number]
    return next((_STATUS_OF_TYPE[name] for name in names if isinstance(name, str) and name in _STATUS_OF_TYPE), 500)


def _said(body: object) -> str:
    """What the provider says about it, without what it may repeat of the request."""
    error = _error_in(body)
    if isinstance(error, dict):
        parts = [error.get(name) for name in _TELLING]
        return " ".join(" ".join(str(part).split()) for part in parts if isinstance(part, str | int) and str(part))
    return " ".join(error.split()) if isinstance(error, str) and not error.lstrip().startswith("<") else ""


def _fit_for_logs(said: str, hidden: Iterable[str]) -> str:
    text = _MASKED_KEY.sub("***", said[: 2 * LONGEST_MESSAGE])
    if any(secret and _quotes(text, secret) for secret in hidden):
        return "(its message quotes what was sent)"
    return text[:LONGEST_MESSAGE]


def _quotes(text: str, secret: str) -> bool:
    if len(secret) <= SHORTEST_QUOTE:
        return len(secret) > 3 and secret in text
    flat = " ".join(secret.split())
    return any(text[at : at + SHORTEST_QUOTE] in flat for at in range(len(text) - SHORTEST_QUOTE + 1))
