"""Contenders whose every move a test makes itself."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from workers.errors import EngineError
from workers.failover.contender import Contender, Ended, Failed, Made, Post, Stop, Stumbled
from workers.failover.race import Because


@dataclass(eq=False)
class HandContender:
    """Does nothing by itself. Waiting for it costs no time: its head start is over at once."""

    name: str
    is_cloud: bool = True
    starts_when_others_are_slow: bool = True
    head_start_seconds: float = 0.0
    longest_silence_seconds: float = 60.0
    stopped: list[Stop] = field(default_factory=list)
    request: Any = None
    _post: Post[str] | None = None

    def start(self, request: Any, post: Post[str]) -> "HandContender":
        self.request, self._post = request, post
        return self

    @property
    def has_started(self) -> bool:
        return self._post is not None

    def stop(self, why: Stop) -> None:
        self.stopped.append(why)

    def say(self, *texts: str) -> None:
        for text in texts:
            self._tell(Made(text))

    def fail(self, error: EngineError) -> None:
        self._tell(Failed(error))

    def stumble(self, error: EngineError) -> None:
        self._tell(Stumbled(error))

    def end(self) -> None:
        self._tell(Ended())

    def _tell(self, event: Any) -> None:
        assert self._post is not None, f"{self.name} was never started"
        self._post(self, event)


class Queue:
    """A Line that gives its contenders one after the other, and remembers why each was asked for."""

    def __init__(self, contenders: Sequence[HandContender]) -> None:
        self._waiting = list(contenders)
        self.asked: list[Because] = []

    def next(self, because: Because, *, clouds_allowed: bool) -> Contender[Any, str] | None:
        for contender in self._waiting:
            if contender.is_cloud and not clouds_allowed:
                continue
            if because in ("slow", "late") and not contender.starts_when_others_are_slow:
                continue
            self._waiting.remove(contender)
            self.asked.append(because)
            return contender
        return None
