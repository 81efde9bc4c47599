"""Streams as no provider should send them: seeded changes to the bytes of good ones."""

import itertools
import random
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import httpx2 as httpx

from tests.fakes.providers.script import Answer, Asked, Fault, Finish, Raw, Say, Think
from tests.fakes.providers.wire import AnthropicWire, Dialect, OpenAiWire, Wire

type Breaks = type[httpx.TransportError] | None

ODD_DATA: Final = (
    b"5", b"null", b"[]", b"{}", b'""', b"true", b"NaN", b"{", b'{"choices": null}', b'{"choices": [null]}',
    b'{"choices": {}}', b'{"choices": [{}]}', b'{"choices": [{"delta": null}]}', b'{"choices": [{"delta": []}]}',
    b'{"choices": [{"delta": {"content": 7}}]}', b'{"choices": [{"delta": {"content": [{"text": "x"}]}}]}',
    b'{"choices": [{"delta": {"content": null}, "finish_reason": 3}]}', b'{"choices": "x"}', b'{"usage": 1}',
    b'{"usage": {"prompt_tokens": "many"}, "choices": []}', b'{"error": null}', b'{"error": "oh"}', b'{"error": []}',
    b'{"error": {"message": null}}', b'{"choices": [{"delta": {"content": "\\ud83d"}}]}', b'{"type": 5}',
    b'{"choices": [{"delta": {"content": "\\u0000"}}]}', b'{"type": "content_block_delta"}',
    b'{"type": "content_block_delta", "delta": "x"}', b'{"type": "message_start", "message": []}',
    b'{"type": "message_delta", "usage": {"output_tokens": null}}', b'{"type": "error"}', b"[" * 3000,
    b'{"a":' * 3000, b"1" * 6000, b'"' + b"x" * 200_000 + b'"', b"[DONE", b" [DONE]", b"\xff\xfe", b"\xe0\xa4",
)  # fmt: skip
"""What stands where an event's JSON should."""

ODD_LINES: Final = (
    b": ping\n\n", b"\n", b"\r\n\r\n", b"retry: 10\n\n", b"id: 7\n\n", b"event: ping\n\n", b"data\n\n", b"data:\n\n",
    b"event: error\n\n", b"\xef\xbb\xbf", b"\x00", b"garbage\n\n", b"data: one\ndata: two\n\n", b"<html>", b"\x85",
    "data: \u2028\n\n".encode(), b": " + b"x" * 70_000 + b"\n\n",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Stream:
    """A body in the pieces in which it arrives, and how the connection breaks behind it, if it does."""

    pieces: tuple[bytes, ...]
    breaks: Breaks
    is_only_cut: bool
    """What came is a beginning of the good stream: no byte of it is wrong."""
    changes: tuple[str, ...]


def body_of(answer: Answer, asked: Asked, dialect: Dialect = "openai") -> list[bytes]:
    """The events of an answer, without its pauses."""
    wire: Wire = (
        AnthropicWire(asked.model, answer.newline)
        if dialect == "anthropic"
        else OpenAiWire(asked.model, "stream_options" in asked.body, answer.newline)
    )
    parts = []
    for step in answer.steps:
        match step:
            case Say(text):
                parts.append(wire.say(text))
            case Think(text):
                parts.append(wire.think(text))
            case Finish():
                parts.append(wire.finish(step))
            case Fault():
                parts.append(wire.fault(step))
            case Raw(body):
                parts.append(body)
            case _:
                continue
    end = (answer.newline * 2).encode()
    return [event + end for part in parts for event in part.split(end) if event]


class StreamMutator:
    """Changes good streams, the same for the same seed."""

    def __init__(self, seed: int) -> None:
        self.chance = random.Random(seed)

    def mutated(self, events: list[bytes]) -> Stream:
        """``events`` changed in one to three ways, then cut to pieces."""
        kinds: dict[str, Callable[[list[bytes]], list[bytes]]] = {
            "lost": self._lost, "twice": self._twice, "swapped": self._swapped, "odd data": self._odd_data,
            "odd line": self._odd_line, "newlines": self._newlines, "flipped": self._flipped, "noise": self._noise,
            "cut inside": self._cut_inside, "shuffled": self._shuffled, "again": self._again, "stutter": self._stutter,
        }  # fmt: skip
        changes = self.chance.sample(list(kinds), self.chance.choice((1, 1, 2, 3)))
        for change in changes:
            events = kinds[change](list(events)) if events else events
        return Stream(self._pieces(b"".join(events)), self._breaks(0.3), is_only_cut=False, changes=tuple(changes))

    def cut(self, events: list[bytes]) -> Stream:
        """A beginning of the stream, ended in any way."""
        body = b"".join(events)
        body = body[: self.chance.randrange(len(body))]
        return Stream(self._pieces(body), self._breaks(0.7), is_only_cut=True, changes=("cut",))

    def _pieces(self, body: bytes) -> tuple[bytes, ...]:
        how = self.chance.choices(("whole", "bytes", "anywhere"), (1, 1, 6))[0]
        if how == "whole" or len(body) > 100_000:
            return (body,)
        if how == "bytes" and len(body) < 3000:
            return tuple(body[index : index + 1] for index in range(len(body)))
        cuts = sorted({0, len(body), *(self.chance.randrange(len(body) + 1) for _ in range(12))})
        return tuple(body[start:end] for start, end in itertools.pairwise(cuts))

    def _breaks(self, share: float) -> Breaks:
        if self.chance.random() >= share:
            return None
        return self.chance.choice((httpx.ReadError, httpx.RemoteProtocolError, httpx.ReadTimeout))

    def _index(self, events: list[bytes]) -> int:
        return self.chance.randrange(len(events))

    def _lost(self, events: list[bytes]) -> list[bytes]:
        del events[self._index(events)]
        return events

    def _twice(self, events: list[bytes]) -> list[bytes]:
        index = self._index(events)
        return [*events[: index + 1], *events[index:]]

    def _swapped(self, events: list[bytes]) -> list[bytes]:
        here, there = self._index(events), self._index(events)
        events[here], events[there] = events[there], events[here]
        return events

    def _shuffled(self, events: list[bytes]) -> list[bytes]:
        self.chance.shuffle(events)
        return events

    def _again(self, events: list[bytes]) -> list[bytes]:
        """Behind its end the stream begins once more."""
        return [*events, *events]

    def _stutter(self, events: list[bytes]) -> list[bytes]:
        """Some of its words, or sentences, come twice."""
        start = self._index(events)
        end = self.chance.randint(start, len(events))
        return [*events[:end], *events[start:]]

    def _odd_data(self, events: list[bytes]) -> list[bytes]:
        odd = b"data: " + self.chance.choice(ODD_DATA) + b"\n\n"
        events.insert(self._index(events), odd)
        return events

    def _odd_line(self, events: list[bytes]) -> list[bytes]:
        events.insert(self._index(events), self.chance.choice(ODD_LINES))
        return events

    def _newlines(self, events: list[bytes]) -> list[bytes]:
        other = self.chance.choice((b"\r\n", b"\r"))
        return [event.replace(b"\n", other) for event in events]

    def _flipped(self, events: list[bytes]) -> list[bytes]:
        body = bytearray(b"".join(events))
        for _ in range(self.chance.randint(1, 5)):
            body[self.chance.randrange(len(body))] ^= self.chance.randint(1, 255)
        return [bytes(body)]

    def _noise(self, events: list[bytes]) -> list[bytes]:
        events.insert(self._index(events), self.chance.randbytes(self.chance.randint(1, 300)))
        return events

    def _cut_inside(self, events: list[bytes]) -> list[bytes]:
        index = self._index(events)
        events[index] = events[index][: self.chance.randrange(len(events[index]))]
        return events
