"""One answer as its events tell it, in whatever dialect. Pure: fed with events, gives parts."""

import json
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from httpx2 import ServerSentEvent

from workers.cloud.dialect import Call, Part, Usage
from workers.cloud.failures import told_in_stream
from workers.cloud.wording import everything_said
from workers.cloud.written import Written
from workers.errors import EngineError, EngineUnavailable, NoWords

FAREWELL_SECONDS: Final = 0.5
"""How long a finished answer waits for its usage. The words are all there; nobody should wait for an account."""
LAST_BYTES_SECONDS: Final = 0.1
"""How long the response's end is waited for after the last event: read to its end, a connection serves again."""
DONE: Final = "[DONE]"
BROKEN_OFF: Final = frozenset((
    "content_filter", "safety", "recitation", "blocklist", "prohibited_content", "sensitive", "refusal", "error",
    "network_error", "abort", "insufficient_system_resource", "pause_turn",
))  # fmt: skip
"""Reasons to stop that leave the answer where somebody else had better go on."""


@dataclass(frozen=True, slots=True)
class Told:
    """What one chunk says, in no dialect any more."""

    text: str = ""
    """For people: no thoughts."""
    reason: str = ""
    """Why the answer ends; empty while it goes on."""
    prompt_tokens: int | None = None
    answer_tokens: int | None = None
    is_refusal: bool = False
    """It talks about why it won't talk."""
    is_last: bool = False
    is_error: bool = False


type Tell = Callable[[Mapping[str, Any]], Told]
"""A dialect's way of reading one chunk, or an answer that came as a whole."""


class Answer:
    """Fed in order; after ``finish`` it is over."""

    def __init__(self, call: Call, tell: Tell, clock: Callable[[], float] = time.time) -> None:
        """``clock`` in seconds since the epoch."""
        self.engine: Final = call.access.row.name
        key = call.access.key
        self._hidden = (key.get_secret_value() if key else "", *everything_said(call.conversation))
        self._tell = tell
        self._clock = clock
        self._written = Written(call.conversation)
        self._prompt_tokens: int | None = None
        self._answer_tokens: int | None = None
        self._reason = ""
        self._has_refused = False
        self._is_done = False

    @property
    def patience_seconds(self) -> float | None:
        """How long to wait for the next event; None: as long as the caller likes."""
        if self._is_done:
            return LAST_BYTES_SECONDS
        return FAREWELL_SECONDS if self._reason else None

    @property
    def is_closed(self) -> bool:
        """Nothing that follows would be of use."""
        return self._written.has_ended

    def read(self, event: ServerSentEvent) -> str:
        """The words that an event brings. Raises EngineError."""
        if self._is_done:
            return ""
        if event.data.strip() == DONE:
            self._is_done = True
            return ""
        chunk = self._parsed(event.data)
        if event.event == "error" and isinstance(chunk, dict):
            raise self._failure(chunk)
        return self._take(chunk)

    def read_whole(self, raw: bytes) -> str:
        """The words of an answer that came in one piece. Raises EngineError."""
        words = self._take(self._parsed(raw))
        self._is_done = True
        return words

    def finish(self) -> Iterator[Part]:
        """What is left at the end. Raises EngineUnavailable when the answer is not whole, or no answer."""
        if self._reason in BROKEN_OFF:
            raise self._unavailable(f"it broke off ({self._reason})")
        if not (self._reason or self._is_done or self._written.has_ended):
            raise self._unavailable("its stream was cut")
        text = self._written.finish()
        if text:
            yield text
        if self._prompt_tokens is not None and self._answer_tokens is not None:
            yield Usage(self._prompt_tokens, self._answer_tokens)
        if not self._written.has_words:
            raise NoWords(self.engine, self._why_empty)

    def _take(self, chunk: object) -> str:
        if not isinstance(chunk, dict):
            raise self._failure(chunk)
        told = self._tell(chunk)
        if told.is_error:
            raise self._failure(chunk)
        self._prompt_tokens = self._prompt_tokens if told.prompt_tokens is None else told.prompt_tokens
        self._answer_tokens = self._answer_tokens if told.answer_tokens is None else told.answer_tokens
        self._has_refused = self._has_refused or told.is_refusal
        self._reason = told.reason.lower() or self._reason
        self._is_done = told.is_last
        return self._written.feed(told.text)

    @property
    def _why_empty(self) -> str:
        return "refused" if self._has_refused else self._reason or "no reason told"

    def _parsed(self, text: str | bytes) -> object:
        try:
            return json.loads(text)
        except (ValueError, RecursionError):
            raise self._unavailable("its stream is broken") from None

    def _failure(self, body: object) -> EngineError:
        return told_in_stream(self.engine, body, now=self._clock(), hidden=self._hidden)

    def _unavailable(self, what: str) -> EngineUnavailable:
        return EngineUnavailable(self.engine, what)
