"""How a provider is asked at each stage: an ``Asking`` around each kind of dialect, and what an answer costs."""

from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from typing import TYPE_CHECKING, Final

import numpy as np

from config.audio import HEARD_RATE_HZ
from config.providers import Access, ChatProvider, HearProvider, SpeakProvider
from workers.cloud.dialect import Allowance, Call, ChatDialect, Usage
from workers.cloud.loop import CloudLoop
from workers.cloud.retired import closest_model, first_model
from workers.cloud.speech import Hear, usd_heard, usd_spoken
from workers.engines import Conversation, Delta, Speech, Transcript
from workers.errors import EngineMisconfigured
from workers.failover.ledger import Spent
from workers.failover.one_shot import ToHear, ToSay

if TYPE_CHECKING:
    from workers.cloud.voice import CloudVoice

PROBE_WORD: Final = "Okay."
"""Providers of voices have nothing that is free and tells as much; five characters cost next to nothing."""
CHARACTERS_PER_TOKEN: Final = 4
"""Of English; what an answer that was cut off has cost is not told."""


class ChatAsking:
    """A language model."""

    def __init__(self, access: Access[ChatProvider], dialect: ChatDialect, loop: CloudLoop) -> None:
        self.access: Final = access
        self._dialect = dialect
        self._loop = loop
        self._found_model = ""

    async def ask(self, request: Conversation, model: str) -> AsyncGenerator[Delta | Allowance | Spent]:
        call = Call(self.access, model or await self._find_model(), request)
        async with aclosing(self._dialect.stream(self._loop.client, call)) as parts:
            async for part in parts:
                match part:
                    case str():
                        yield Delta(part, self.access.row.name)
                    case Usage(prompt_tokens, answer_tokens):
                        yield self._priced(prompt_tokens, answer_tokens)
                    case Allowance():
                        yield part

    async def replacement(self, model: str) -> str | None:
        return closest_model(model, await self._dialect.models(self._loop.client, self.access))

    async def probe(self) -> None:
        await self._dialect.models(self._loop.client, self.access)

    def spent(self, request: Conversation, items: Sequence[Delta]) -> Spent:
        prompt = sum(len(message.text) for message in request.messages)
        answer = sum(len(delta.text) for delta in items)
        return self._priced(prompt // CHARACTERS_PER_TOKEN, answer // CHARACTERS_PER_TOKEN)

    def _priced(self, prompt_tokens: int, answer_tokens: int) -> Spent:
        row = self.access.row
        usd = (prompt_tokens * row.usd_per_million_in + answer_tokens * row.usd_per_million_out) / 1e6
        return Spent(prompt_tokens, answer_tokens, usd)

    async def _find_model(self) -> str:
        """Of a row that names none. Raises EngineError."""
        if not self._found_model:
            found = first_model(self.access.row, await self._dialect.models(self._loop.client, self.access))
            if found is None:
                raise EngineMisconfigured(self.access.row.name, "has no model that chats")
            self._found_model = found
        return self._found_model


class HearAsking:
    """Speech to text."""

    def __init__(self, access: Access[HearProvider], hear: Hear, loop: CloudLoop) -> None:
        self.access: Final = access
        self._hear = hear
        self._loop = loop

    async def ask(self, request: ToHear, model: str) -> AsyncGenerator[Transcript | Allowance | Spent]:
        yield await self._hear(self._loop.client, self.access, request.speech, language=request.language)

    async def replacement(self, model: str) -> str | None:
        return None

    async def probe(self) -> None:
        """Quiet noise, which may be a second of speech: silence would not be sent."""
        noise = np.random.default_rng(0).normal(0, 0.05, HEARD_RATE_HZ).astype(np.float32)
        await self._hear(self._loop.client, self.access, noise, language="en")

    def spent(self, request: ToHear, items: Sequence[Transcript]) -> Spent:
        return Spent(usd=usd_heard(self.access.row, request.seconds))


class SpeakAsking:
    """Text to speech."""

    def __init__(self, access: Access[SpeakProvider], voice: "CloudVoice", loop: CloudLoop) -> None:
        self.access: Final = access
        self._voice = voice
        self._loop = loop

    async def ask(self, request: ToSay, model: str) -> AsyncGenerator[Speech | Allowance | Spent]:
        yield await self._voice.speak(
            self._loop.client, request.sentence, language=request.language, emotion=request.emotion
        )

    async def replacement(self, model: str) -> str | None:
        return None

    async def probe(self) -> None:
        await self._voice.speak(self._loop.client, PROBE_WORD, language="en")

    def spent(self, request: ToSay, items: Sequence[Speech]) -> Spent:
        return Spent(usd=usd_spoken(self.access.row, request.sentence))
