"""One speaker's sound becomes turns: carries out what the ears decide. Shared by Discord and the local room."""

import asyncio
import contextlib
from dataclasses import dataclass
from typing import Final, Protocol, Self

from loguru import logger

from bot.turns import LiveTurn, Turns, Who
from bot.voice.endpointing import Discarded, SpeechStarted
from bot.voice.hearing import AskTurn, CancelSpeculation, Commit, Hearing, HearingAction, StartSpeculation
from bot.voice.smart_turn import TurnJudge
from tasks.dispatch import NotSent


@dataclass(frozen=True, slots=True)
class SpokenTurn:
    """An utterance that is over, and the turn that answers it; its transcript may be there already."""

    live: LiveTurn
    commit: Commit


class Audience(Protocol):
    """Who is told what the listener hears. Called on the event loop; must not block."""

    def speech_started(self, started: SpeechStarted) -> None: ...

    def turn_taken(self, spoken: SpokenTurn) -> None: ...

    def turn_not_sent(self, commit: Commit, cause: NotSent) -> None: ...


class Listener:
    """One speaker. Use as an async context manager; feed it on its event loop, which it never blocks.

    ``judge`` may be None: then ends are told by silence alone.
    """

    def __init__(self, turns: Turns, who: Who, hearing: Hearing, judge: TurnJudge | None, audience: Audience) -> None:
        self._turns = turns
        self._who: Final = who
        self._hearing: Final = hearing
        self._judge = judge
        self._audience = audience
        self._actions: asyncio.Queue[HearingAction] = asyncio.Queue()
        self._judging: set[asyncio.Task[None]] = set()
        self._carrying: asyncio.Task[None] | None = None
        self._speculation: tuple[int, LiveTurn] | None = None

    async def __aenter__(self) -> Self:
        self._carrying = asyncio.create_task(self._carry_out_for_ever(), name=f"listener-{self._who.id}")
        return self

    async def __aexit__(self, *_: object) -> None:
        for task in (*self._judging, *([self._carrying] if self._carrying else [])):
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await task
        await self._cancel_speculation()

    @property
    def is_open(self) -> bool:
        """Somebody speaks, or what was said is not yet on its way."""
        return self._hearing.is_open or bool(self._judging) or not self._actions.empty()

    def feed(self, pcm: bytes) -> None:
        """16 kHz mono int16, of any length."""
        self._decide(self._hearing.feed(pcm))

    def feed_silence(self, milliseconds: int) -> None:
        self._decide(self._hearing.feed_silence(milliseconds))

    def flush(self) -> None:
        """No more will come."""
        self._decide(self._hearing.flush())

    async def settled(self) -> None:
        """Until the judge has answered and all that was decided so far is carried out."""
        while self._judging:
            await asyncio.gather(*self._judging)
        await self._actions.join()

    def _decide(self, actions: list[HearingAction]) -> None:
        for action in actions:
            match action:
                case AskTurn():
                    self._ask(action)
                case SpeechStarted():
                    self._audience.speech_started(action)
                case Discarded():
                    pass
                case _:
                    self._actions.put_nowait(action)

    def _ask(self, question: AskTurn) -> None:
        if self._judge is None:
            return
        task = asyncio.create_task(self._judge_turn(self._judge, question), name="judge-turn")
        self._judging.add(task)
        task.add_done_callback(self._judging.discard)

    async def _judge_turn(self, judge: TurnJudge, question: AskTurn) -> None:
        probability = await asyncio.to_thread(judge.probability, question.pcm)
        self._decide(self._hearing.verdict(question.pause_id, probability))

    async def _carry_out_for_ever(self) -> None:
        while True:
            action = await self._actions.get()
            try:
                await self._carry_out(action)
            finally:
                self._actions.task_done()

    async def _carry_out(self, action: HearingAction) -> None:
        match action:
            case StartSpeculation(pause_id, pcm):
                # A speculation that could not be sent is sent at the commit.
                with contextlib.suppress(NotSent):
                    self._speculation = (pause_id, await self._turns.hear(self._who, pcm, speculative=True))
            case CancelSpeculation():
                await self._cancel_speculation()
            case Commit():
                await self._commit(action)

    async def _cancel_speculation(self) -> None:
        if self._speculation is not None:
            _, live = self._speculation
            self._speculation = None
            await live.cancel()

    async def _commit(self, commit: Commit) -> None:
        try:
            live = await self._committed(commit)
        except NotSent as cause:
            logger.bind(user_id=self._who.id, success=False).error("An utterance was not sent: {}", cause)
            self._audience.turn_not_sent(commit, cause)
        else:
            self._audience.turn_taken(SpokenTurn(live, commit))

    async def _committed(self, commit: Commit) -> LiveTurn:
        """The speculation's turn if it heard exactly this, else a new one. Raises NotSent."""
        if self._speculation is not None and self._speculation[0] == commit.pause_id:
            _, live = self._speculation
            self._speculation = None
            await live.commit()
            return live
        await self._cancel_speculation()
        return await self._turns.hear(self._who, commit.pcm)
