"""What a scripted provider does with one request, step by step, and the usual ways to answer well or badly."""

import threading
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field
from typing import Any, Literal


@dataclass(frozen=True, slots=True)
class Say:
    """One piece of the answer, as one event of the stream."""

    text: str


@dataclass(frozen=True, slots=True)
class Think:
    """One piece of what the model thinks before it answers: nobody is to hear it."""

    text: str


@dataclass(frozen=True, slots=True)
class Finish:
    """The end of a good stream."""

    reason: str = "stop"
    is_marked: bool = True
    """False: without the ``[DONE]`` that ends OpenAI's streams, or ``message_stop`` of Anthropic's."""


@dataclass(frozen=True, slots=True)
class Fault:
    """An error object where text was to come, under a status that said all is well."""

    message: str = "the engine crashed"
    code: str = "server_error"


@dataclass(frozen=True, slots=True)
class Raw:
    """Bytes as they are."""

    body: bytes


@dataclass(frozen=True, slots=True)
class Pause:
    """Wait so many of the server's units of time."""

    units: float


class Gate:
    """A place in a script at which the server waits until the test opens it. Any thread may wait and open."""

    def __init__(self) -> None:
        self.reached: Future[None] = Future()
        self.opened: Future[None] = Future()
        self._lock = threading.Lock()

    def open(self) -> None:
        with self._lock:
            if not self.opened.done():
                self.opened.set_result(None)

    def arrive(self) -> None:
        with self._lock:
            if not self.reached.done():
                self.reached.set_result(None)


@dataclass(frozen=True, slots=True)
class Silence:
    """Keep the connection and say nothing any more, until the client has had enough."""


@dataclass(frozen=True, slots=True)
class Close:
    """Hang up politely in the middle."""


@dataclass(frozen=True, slots=True)
class Reset:
    """Hang up with a TCP reset."""


type Step = Say | Think | Finish | Fault | Raw | Pause | Gate | Silence | Close | Reset


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """One response of the server."""

    steps: tuple[Step, ...] = ()
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    content_type: str = "text/event-stream"
    framing: Literal["chunked", "close", "length"] = "chunked"
    """``close``: the body ends where the connection does, so that a cut stream looks like a whole one to HTTP."""
    before_head: tuple[Step, ...] = ()
    """Pauses and worse, before the status line."""
    newline: str = "\n"
    cut_every: int | None = None
    """Send the body in pieces of so many bytes, wherever the cuts fall."""


def words(text: str, *, between: float = 0) -> tuple[Step, ...]:
    """The text word by word, ``between`` units apart."""
    steps: list[Step] = []
    for index, word in enumerate(text.split()):
        if index and between:
            steps.append(Pause(between))
        steps.append(Say(f" {word}" if index else word))
    return tuple(steps)


def says(text: str, *, after: float = 0, head_after: float = 0, between: float = 0, **how: Any) -> Answer:
    """A good answer: ``head_after`` units to the headers, ``after`` more to the first word, ``between`` two words."""
    return Answer(
        steps=(*_pause(after), *words(text, between=between), Finish()), before_head=_pause(head_after), **how
    )


def breaks_off(text: str, *then: Step, **how: Any) -> Answer:
    """Half an answer, and then what ``then`` does: hangs up, resets, falls silent."""
    return Answer(steps=(*words(text), *then), **how)


def fails(status: int, code: str = "failed", message: str = "no", **headers: str) -> Answer:
    """A status with the error object of the dialect. Headers as keywords, underscores for dashes."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return Answer(status=status, steps=(Fault(message, code),), headers=named, framing="length")


def web_page(status: int = 200) -> Answer:
    """What a proxy in between answers: HTML, whatever was asked."""
    page = b"<!DOCTYPE html><html><body><h1>Just a moment...</h1></body></html>"
    return Answer(status=status, steps=(Raw(page),), content_type="text/html; charset=utf-8", framing="length")


def never_answers() -> Answer:
    """Takes the connection and the request, and nothing comes."""
    return Answer(before_head=(Silence(),))


def hangs_up(*, with_reset: bool = False) -> Answer:
    """Closes without a word."""
    return Answer(before_head=(Reset() if with_reset else Close(),))


def raw(*bodies: bytes, **how: Any) -> Answer:
    """A body as it is, in these pieces."""
    return Answer(steps=tuple(Raw(body) for body in bodies), **how)


def _pause(units: float) -> tuple[Step, ...]:
    return (Pause(units),) if units else ()


@dataclass(frozen=True, slots=True)
class Asked:
    """One request as the server read it."""

    method: str
    path: str
    headers: Mapping[str, str]
    """Names in small letters."""
    body: Mapping[str, Any]

    @property
    def model(self) -> str:
        return str(self.body.get("model", ""))

    def said_of(self, text: str) -> str:
        """As much of ``text`` as the request tells that was said already, in whatever message."""
        told = [_plain(message.get("content", "")) for message in self.body.get("messages", ())]
        parts = text.split(" ")
        for count in range(len(parts), 0, -1):
            beginning = " ".join(parts[:count])
            if any(beginning in one for one in told):
                return beginning
        return ""


type Choose = Callable[[Asked], Answer]
type Script = Answer | Sequence[Answer] | Choose
"""One answer for every request, one after the other (the last one for ever), or what the request decides."""


def chooser(script: Script) -> Choose:
    """The script as a choice."""
    if callable(script):
        return script
    left = [script] if isinstance(script, Answer) else list(script)
    return lambda _asked: left.pop(0) if len(left) > 1 else left[0]


def goes_on(text: str, *, between: float = 0) -> Choose:
    """Says ``text``, or what is left of it behind the words that the request tells were said."""

    def answer(asked: Asked) -> Answer:
        said = asked.said_of(text)
        rest = words(text[len(said) :], between=between)
        if said and rest and isinstance(rest[0], Say):
            rest = (Say(f" {rest[0].text}"), *rest[1:])
        return Answer(steps=(*rest, Finish()))

    return answer


def _plain(content: Any) -> str:
    if isinstance(content, str):
        return content
    return " ".join(str(block.get("text", "")) for block in content)
