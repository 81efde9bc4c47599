"""A long first sentence is heard before all of it is encoded, and nothing is said twice, whatever happens then."""

import asyncio
import time
import uuid
from collections.abc import Awaitable, Callable, Sequence

import pytest

from bot.turns import LiveTurn, Playable, Turns, Who
from bot.voice.reply import Reply
from config.audio import FRAME_MS
from tasks import keys
from tasks.blobs import pack_packets, unpack_packets
from tasks.messages import Event, ReplyEnded, Segment, SegmentBegun, Sentence, Turn, TurnFailed, Work
from tasks.synthesize import BEGINNING_PACKETS
from tests.integration.test_turns import lived, of_kind, played
from tests.unit.bot.test_playback import Room
from tests.unit.bot.test_voice_agenda import Watcher

SENTENCE = "What is said by her, in eight frames."
WORK = Work("fake", "host-1", 1.0, 2.0, 3.0, 4.0)


async def test_a_long_first_sentence_comes_in_two_parts(turns: Turns, who: Who) -> None:
    live = await turns.read(who, "hello", spoken=True)
    happenings = await lived(live)
    parts = of_kind(happenings, Playable)
    assert [(part.index, part.packets_before) for part in parts] == [(0, 0), (0, BEGINNING_PACKETS), (1, 0)]
    assert len(parts[0].packets) == BEGINNING_PACKETS
    whole = await turns.dispatcher.redis.get(keys.segment(live.turn.id, 0))
    assert played(happenings)[0].packets == unpack_packets(as_bytes(whole))


async def test_a_short_sentence_comes_whole(turns: Turns, who: Who) -> None:
    live = await turns.say(who, "Hm.")
    assert [part.packets_before for part in of_kind(await lived(live), Playable)] == [0]
    assert not await turns.dispatcher.redis.exists(keys.segment_beginning(live.turn.id, 0))


def as_bytes(blob: str | bytes | None) -> bytes:
    return blob.encode() if isinstance(blob, str) else blob or b""


class Mouth:
    """A synthesize worker that is played by the test, of an answer of one sentence."""

    def __init__(self, turns: Turns) -> None:
        self.turns = turns
        self.turn = Turn(uuid.uuid4().hex, turns.reader.stream, "c1", "u1", "Asha", deadline=time.time() + 20)
        self.live = LiveTurn(self.turn, turns.reader.open(self.turn.id), turns)

    async def writes(self) -> None:
        await self._tell(Sentence(self.turn, 0, SENTENCE, "en", time.time()))

    async def begins(self, *packets: bytes, of: int = 3) -> None:
        key = keys.segment_beginning(self.turn.id, 0)
        await self._leave(key, packets)
        await self._tell(SegmentBegun(self.turn, 0, key, of * FRAME_MS, WORK))

    async def begins_without_a_sound(self) -> None:
        await self._tell(SegmentBegun(self.turn, 0, "audio:nothing", 60, WORK))

    async def ends(self, *packets: bytes) -> None:
        key = keys.segment(self.turn.id, 0)
        await self._leave(key, packets)
        await self._tell(Segment(self.turn, 0, key, len(packets) * FRAME_MS, WORK))

    async def fails(self) -> None:
        await self._tell(TurnFailed(self.turn, "synthesize", "no-engine", "why", 0))

    async def has_written(self) -> None:
        await self._tell(ReplyEnded(self.turn, 1, SENTENCE, WORK))

    async def heard(self, then: Callable[[], Awaitable[None]] | None = None) -> list[tuple[int, tuple[bytes, ...]]]:
        """How many packets came before, and which came, of all parts until the turn is over. ``then`` happens after the
        first one, and the answer is written to its end behind it."""
        parts: list[tuple[int, tuple[bytes, ...]]] = []
        async for happening in self.live.follow():
            if isinstance(happening, Playable):
                parts.append((happening.packets_before, happening.packets))
                if len(parts) == 1:
                    if then is not None:
                        await then()
                    await self.has_written()
        return parts

    async def _leave(self, key: str, packets: Sequence[bytes]) -> None:
        await self.turns.dispatcher.redis.set(key, pack_packets(packets), ex=keys.AUDIO_SECONDS)

    async def _tell(self, event: Event) -> None:
        await self.turns.dispatcher.redis.xadd(self.turn.reply_stream, {"event": event.to_json()})


@pytest.fixture
async def mouth(turns: Turns) -> Mouth:
    mouth = Mouth(turns)
    await mouth.writes()
    return mouth


async def test_what_another_worker_says_anew_goes_on_where_the_first_one_stopped(mouth: Mouth) -> None:
    async def another() -> None:
        await mouth.begins(b"A", b"B")
        await mouth.ends(b"A", b"B", b"C")

    await mouth.begins(b"a", b"b")
    assert await mouth.heard(another) == [(0, (b"a", b"b")), (2, (b"C",))]


async def test_a_sentence_that_can_no_longer_be_spoken_ends_with_its_beginning(mouth: Mouth) -> None:
    await mouth.begins(b"a", b"b")
    assert await mouth.heard(mouth.fails) == [(0, (b"a", b"b")), (2, ())]


async def test_a_beginning_that_comes_behind_the_whole_is_not_said_again(mouth: Mouth) -> None:
    await mouth.ends(b"a", b"b", b"c")
    assert await mouth.heard(lambda: mouth.begins(b"a", b"b")) == [(0, (b"a", b"b", b"c"))]
    assert 0 in mouth.live.progress.beginnings


async def test_a_beginning_whose_sound_is_gone_waits_for_the_whole(mouth: Mouth) -> None:
    await mouth.begins_without_a_sound()
    await mouth.ends(b"a", b"b", b"c")
    assert await mouth.heard() == [(0, (b"a", b"b", b"c"))]


class Listeners(Watcher):
    """Who waits for the first sound, and for all of them."""

    def __init__(self) -> None:
        self.sounds, self.whole = asyncio.Event(), asyncio.Event()

    def reply_sounds(self, reply: Reply) -> None:
        self.sounds.set()

    def reply_whole(self, reply: Reply) -> None:
        self.whole.set()


@pytest.mark.parametrize("goes_on", ["at once", "never", "later"])
async def test_who_cuts_her_off_in_the_beginning_heard_the_beginning(mouth: Mouth, goes_on: str) -> None:
    listeners, room = Listeners(), Room()
    reply = Reply(Who("u1", "Asha", "c1"), 1, mouth.live, mouth.turns, listeners, is_wanted=True)
    await mouth.begins(b"a", b"b", of=8)
    await listeners.sounds.wait()
    reply.say(room.player)
    if goes_on != "later":
        await (mouth.fails() if goes_on == "never" else mouth.ends(*[b"a"] * 8))
        await mouth.has_written()
        await listeners.whole.wait()
    room.step(2)
    assert room.sent == [b"a", b"b"]
    assert reply.heard == "What is", "a quarter of it"
    await reply.abandon()
