"""What a scripted provider remembers of each request. Any thread may look and wait."""

from concurrent.futures import Future
from dataclasses import dataclass, field
from typing import Literal

from tests.fakes.providers.script import Asked


@dataclass(frozen=True, slots=True)
class Ending:
    """How an exchange ended."""

    how: Literal["whole", "script", "client", "shutdown"]
    """``whole``: the response was sent to its end; ``script``: the server hung up as it was told to; ``client``: the
    client closed the connection before; ``shutdown``: neither, until the server was closed or killed."""
    pieces: int
    """Of text and thought that were sent."""
    at: float
    """By the monotonic clock, in seconds."""


@dataclass(slots=True)
class Exchange:
    """One request and what came of it."""

    asked: Asked
    at: float
    """When it was read whole, by the monotonic clock, in seconds."""
    connection: int
    """The same number for requests that came over the same connection."""
    pieces: int = 0
    ended: Future[Ending] = field(default_factory=Future)

    def ending(self, timeout_seconds: float = 30) -> Ending:
        """Wait for the end. Raises TimeoutError."""
        return self.ended.result(timeout_seconds)

    @property
    def was_cancelled(self) -> bool:
        """The client hung up before the answer was whole."""
        return self.ended.done() and self.ended.result().how == "client"
