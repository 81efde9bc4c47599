"""What a dialect is: one way of asking a provider over HTTP, for any number of providers.

A dialect knows nothing of races, health or retries. It asks once, and whatever goes wrong becomes an EngineError.
"""

from collections.abc import AsyncGenerator
from dataclasses import dataclass
from typing import Protocol

import httpx2 as httpx

from config.providers import Access, ChatProvider
from workers.engines import Conversation


@dataclass(frozen=True, slots=True)
class Usage:
    """What an answer cost in tokens, as the provider counted."""

    prompt_tokens: int
    answer_tokens: int


@dataclass(frozen=True, slots=True)
class Allowance:
    """What the headers of a response told about the provider's limits."""

    requests_left: int | None = None
    """Until ``resets_in_seconds``."""
    requests_limit: int | None = None
    resets_in_seconds: float | None = None


type Part = str | Usage | Allowance
"""What comes out of a stream: text, and now and then a fact about it."""


@dataclass(frozen=True, slots=True)
class Call:
    """One question to one provider. ``model`` is the row's, or what took its place when it was retired."""

    access: Access[ChatProvider]
    model: str
    conversation: Conversation


class ChatDialect(Protocol):
    """Belongs to the cloud's event loop."""

    def stream(self, client: httpx.AsyncClient, call: Call) -> AsyncGenerator[Part]:
        """The answer as it is written. Closing it closes the socket at once. Raises EngineError: EngineBusy (429, 503
        with ``Retry-After``), EngineTimeout, EngineMisconfigured (401, 403), ModelRetired (a model that is not there
        any more), EngineUnavailable (all else: 5xx, a cut or malformed stream, an answer without text)."""
        ...

    async def models(self, client: httpx.AsyncClient, access: Access[ChatProvider]) -> tuple[str, ...]:
        """Names of the models that the provider has now. Raises EngineError."""
        ...
