"""What becomes of an utterance whose speaker leaves, or about which something breaks, at an awkward moment."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, field

import numpy as np
import pytest
import pytest_asyncio

from bot.turns import LiveTurn, Turns, Who
from bot.voice.hearing import Hearing
from bot.voice.talker import Talk, Talker
from tasks import keys
from tasks.dispatch import NotSent
from tests.fakes.hearing import ScriptedSpeech, script
from tests.running import RunningValkey

WHO = Who("1", "Asha", "discord:5")
SAID = script((20, 0.0), (20, 0.9), (60, 0.0))
SOUND = np.repeat(np.arange(100, dtype="<i2"), 512).tobytes()


@dataclass
class Room:
    """Answers everything, and breaks as often as it is told to when something is to be answered."""

    breaks: int = 0
    pauses: int = 0
    paused: asyncio.Queue[LiveTurn] = field(default_factory=asyncio.Queue)
    taken: asyncio.Queue[LiveTurn] = field(default_factory=asyncio.Queue)
    lost: asyncio.Queue[tuple[Talk, NotSent | None]] = field(default_factory=asyncio.Queue)

    def talk_began(self, talk: Talk) -> None: ...

    def talk_paused(self, talk: Talk) -> None:
        self.pauses += 1

    def talk_speculated(self, talk: Talk, live: LiveTurn) -> None:
        self.paused.put_nowait(live)

    def talk_went_on(self, talk: Talk) -> None: ...

    def talk_ended(self, talk: Talk, live: LiveTurn) -> None:
        if self.breaks:
            self.breaks -= 1
            raise RuntimeError("a defect")
        self.taken.put_nowait(live)

    def talk_lost(self, talk: Talk, cause: NotSent | None) -> None:
        self.lost.put_nowait((talk, cause))

    def may_commit(self, talk: Talk) -> bool:
        return True


@pytest.fixture(scope="module")
def own_valkey(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningValkey]:
    """No worker listens here."""
    with RunningValkey(tmp_path_factory.mktemp("listening-valkey")) as running_valkey:
        yield running_valkey


@pytest_asyncio.fixture
async def own_turns(own_valkey: RunningValkey) -> AsyncIterator[Turns]:
    async with Turns(own_valkey.url, request_seconds=20) as turns:
        await turns.dispatcher.warm_up()
        yield turns


def talker_in(room: Room, turns: Turns, utterances: int = 1) -> Talker:
    return Talker(1, WHO, turns, Hearing(ScriptedSpeech(SAID * utterances)), None, room)


async def steps(count: int) -> None:
    for _ in range(count):
        await asyncio.sleep(0)


async def test_who_leaves_while_it_is_sent_leaves_nothing_behind(own_turns: Turns) -> None:
    for count in range(40):
        room = Room()
        talker = talker_in(room, own_turns)
        await steps(2)
        talker.feed(SOUND)
        await steps(count)
        talker.leave()
        await talker.left()
        if room.taken.empty():
            assert not own_turns.reader._inboxes, f"left {count} steps after the end"
        else:
            await room.taken.get_nowait().cancel()


@dataclass
class SlowTurns:
    """Redis takes its time."""

    turns: Turns
    may_go: asyncio.Event = field(default_factory=asyncio.Event)
    heard: list[bool] = field(default_factory=list)
    """Of each utterance that was to be sent: whether only on speculation."""

    async def hear(self, who: Who, pcm: bytes, *, speculative: bool = False) -> LiveTurn:
        self.heard.append(speculative)
        await self.may_go.wait()
        return await self.turns.hear(who, pcm, speculative=speculative)


async def test_a_pause_is_told_at_once_and_what_is_void_is_not_sent_any_more(own_turns: Turns) -> None:
    room, slow = Room(), SlowTurns(own_turns)
    pausing = script((20, 0.0), *[(20, 0.9), (5, 0.0)] * 3, (20, 0.9), (60, 0.0))
    talker = Talker(1, WHO, slow, Hearing(ScriptedSpeech(pausing)), None, room)
    await steps(2)
    talker.feed(bytes(46 * 1024))
    await steps(10)
    assert room.pauses == 1, "however long it takes to send it"
    assert slow.heard == [True]
    for _ in range(129):
        talker.feed(bytes(1024))
    assert room.pauses >= 4
    slow.may_go.set()
    async with asyncio.timeout(5):
        whole = await room.taken.get()
    assert len(slow.heard) == 2, "the first and the last"
    await whole.cancel()
    talker.leave()
    await talker.left()


async def test_who_goes_on_has_the_speculation_before_called_back(own_turns: Turns) -> None:
    """Its transcription would take the worker's time, and its answer would be about half a sentence."""
    room = Room()
    pausing = script((20, 0.0), (20, 0.9), (5, 0.0), (20, 0.9), (60, 0.0))
    talker = Talker(1, WHO, own_turns, Hearing(ScriptedSpeech(pausing)), None, room)
    await steps(2)
    talker.feed(bytes(46 * 1024))  # up to the pause
    async with asyncio.timeout(5):
        first = await room.paused.get()
        assert not await is_cancelled(own_turns, first)
        talker.feed(bytes(79 * 1024))
        whole = await room.taken.get()
    assert await is_cancelled(own_turns, first)
    assert not await is_cancelled(own_turns, whole)
    assert whole.turn.id != first.turn.id
    await whole.cancel()
    talker.leave()
    await talker.left()


async def is_cancelled(turns: Turns, live: LiveTurn) -> bool:
    return bool(await turns.dispatcher.redis.exists(keys.cancelled(live.turn.id)))


async def test_a_defect_makes_nobody_deaf(own_turns: Turns) -> None:
    room = Room(breaks=1)
    talker = talker_in(room, own_turns, utterances=2)
    await steps(2)
    talker.feed(SOUND)
    async with asyncio.timeout(5):
        await room.lost.get()
        talker.feed(SOUND)
        live = await room.taken.get()
    assert live.is_committed
    await live.cancel()
    talker.leave()
    await talker.left()
