"""The workers of a stack, played by the test itself where they would be: behind Redis.

What a turn asks of a stage is taken out of Celery's queue; what the test tells goes onto the turn's reply stream.
"""

import asyncio
import base64
import json
import time
from types import TracebackType
from typing import Final, Self

from redis.asyncio import Redis

from tasks import keys
from tasks.connections import connect_async
from tasks.messages import (
    Event,
    Heard,
    ReplyEnded,
    SaidText,
    Sentence,
    StageName,
    Turn,
    TurnDropped,
    TurnFailed,
    Utterance,
    Wire,
    Words,
    Work,
)
from tasks.presence import WorkerPresence

PATIENCE_SECONDS: Final = 15
RENEW_SECONDS: Final = 0.3
WORK: Final = Work("played", "played", 0.0, 0.0, 0.0, 0.0)


class PlayedWorkers:
    """One worker each of the stages that are named. Use as an async context manager."""

    def __init__(self, url: str, stages: tuple[StageName, ...] = ("transcribe", "generate")) -> None:
        self.redis: Redis = connect_async(url)
        self._stages = stages
        self._turns: list[str] = []
        self._renewals = 0
        self._presence: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Self:
        await self.redis.flushdb()
        await self.come_back()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._stop_renewing()
        await self.redis.aclose()

    async def leave(self) -> None:
        """No worker is there any more, as after a crash and two seconds."""
        await self._stop_renewing()
        for stage in self._stages:
            await self.redis.delete(keys.presence(stage, f"played-{stage}"))

    async def come_back(self) -> None:
        await self._renew()
        self._presence = asyncio.create_task(self._renew_for_ever())

    async def asked_to_answer(self) -> SaidText:
        """The next text that is to be answered."""
        return SaidText.from_wire(await self._next("generate"))

    async def asked_to_transcribe(self) -> tuple[Utterance, bytes]:
        """The next speech that is to be transcribed, and its PCM."""
        utterance = Utterance.from_wire(await self._next("transcribe"))
        pcm = await self.redis.get(utterance.audio_key)
        return utterance, pcm if isinstance(pcm, bytes) else b""

    async def waiting(self, stage: StageName = "generate") -> int:
        """How many turns nobody has taken yet."""
        return int(await self.redis.llen(stage))

    async def is_cancelled(self, turn: Turn) -> bool:
        return bool(await self.redis.exists(keys.cancelled(turn.id)))

    async def tell(self, event: Event) -> None:
        await self.redis.xadd(event.turn.reply_stream, {"event": event.to_json()})

    async def heard(self, turn: Turn, text: str) -> None:
        await self.tell(Heard(turn, text, "en", 1.0, WORK))

    async def words(self, turn: Turn, text: str, offset: int = 0) -> None:
        await self.tell(Words(turn, text, offset, time.time()))

    async def sentence(self, turn: Turn, index: int, text: str) -> None:
        await self.tell(Sentence(turn, index, text, "en", time.time()))

    async def end(self, turn: Turn, text: str, count: int = 0) -> None:
        await self.tell(ReplyEnded(turn, count, text, WORK))

    async def answer(self, text: str) -> SaidText:
        """Take the next text and answer it with ``text`` at once."""
        said = await self.asked_to_answer()
        await self.words(said.turn, text)
        await self.end(said.turn, text)
        return said

    async def fail(self, turn: Turn, stage: StageName = "generate") -> None:
        await self.tell(TurnFailed(turn, stage, "engine-unavailable", "told to fail"))

    async def drop(self, turn: Turn, reason: str) -> None:
        await self.tell(TurnDropped(turn, "generate", reason))

    async def _next(self, stage: StageName) -> Wire:
        taken = await self.redis.brpop([stage], timeout=PATIENCE_SECONDS)
        assert taken is not None, f"nobody asked {stage} for anything"
        wire: Wire = json.loads(base64.b64decode(json.loads(taken[1])["body"]))[0][0]
        self._turns.append(wire["turn"]["id"])
        await self._renew()
        return wire

    async def _stop_renewing(self) -> None:
        if self._presence is not None:
            self._presence.cancel()
            await asyncio.wait([self._presence])

    async def _renew(self) -> None:
        for stage in self._stages:
            name = f"played-{stage}"
            self._renewals += 1
            presence = WorkerPresence(
                name, stage, "ready", "played", "here", 1, tuple(self._turns), 1, renewal=self._renewals
            )
            await self.redis.set(keys.presence(stage, name), presence.to_json(), px=keys.PRESENCE_MILLISECONDS)
            await self.redis.sadd(keys.workers(stage), name)

    async def _renew_for_ever(self) -> None:
        while True:
            await asyncio.sleep(RENEW_SECONDS)
            await self._renew()
