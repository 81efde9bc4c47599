"""What takes part in a race: an engine that can be started, posts what it makes, and can be stopped at once."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, Protocol

from workers.errors import EngineError


@dataclass(frozen=True, slots=True)
class Made[Item]:
    """A piece of the answer."""

    item: Item


@dataclass(frozen=True, slots=True)
class Stumbled:
    """It failed and tries again by itself: nobody need wait for that."""

    error: EngineError


@dataclass(frozen=True, slots=True)
class Failed:
    error: EngineError


@dataclass(frozen=True, slots=True)
class Ended:
    """The answer is whole."""


type Event[Item] = Made[Item] | Stumbled | Failed | Ended

type Post[Item] = Callable[["Attempt", Event[Item]], None]
"""Takes what an attempt has to tell. Any thread."""

type Stop = Literal["lost", "enough"] | EngineError
"""Why an attempt is stopped: another one was quicker, all is there that is wanted, or what is wrong with it."""


class Attempt(Protocol):
    """One engine at work on one request."""

    def stop(self, why: Stop) -> None:
        """At once, whatever it waits for; what it still posts is nobody's. Never blocks. More than once is no harm."""
        ...


class Contender[Request, Item](Protocol):
    """One engine, ready to be asked. Any thread."""

    @property
    def name(self) -> str: ...

    @property
    def is_cloud(self) -> bool:
        """Whether it is somebody else's machine: of these only a few may run at once."""
        ...

    @property
    def starts_when_others_are_slow(self) -> bool:
        """False for an engine on this machine's cores, which would only slow the slow one down."""
        ...

    @property
    def head_start_seconds(self) -> float:
        """How long it may take to its first usable item before the next is asked too."""
        ...

    @property
    def longest_silence_seconds(self) -> float:
        """After its first usable item: a longer silence means that it died."""
        ...

    def start(self, request: Request, post: Post[Item]) -> Attempt: ...
