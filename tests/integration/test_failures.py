"""Processes die, freeze and come back in the middle of a turn. The person gets one answer, or an honest word."""

import asyncio
import signal
from collections.abc import AsyncIterator, Iterator
from contextlib import ExitStack, asynccontextmanager
from pathlib import Path

import pytest
from redis.exceptions import RedisError

from bot.turns import Happening, LiveTurn, Playable, Turns, Waiting, Who
from config.audio import FRAME_MS
from tasks import keys
from tasks.blobs import unpack_packets
from tasks.dispatch import NotSent
from tasks.messages import ReplyEnded, Sentence, TurnFailed
from tasks.synthesize import BEGINNING_PACKETS
from tests.fakes.stages import DRONE_SECONDS, ENVIRONMENT
from tests.integration.test_turns import of_kind, pcm, played
from tests.running import RunningValkey, RunningWorker

PATIENCE_SECONDS = 10.0
"""Three times what it takes to tell; one question to a frozen Redis that nobody bounds takes as long."""
SLOW_ANSWER = " ".join(f"And this is a rather long sentence number{number}." for number in range(5))


@pytest.fixture
def own_valkey(tmp_path: Path) -> Iterator[RunningValkey]:
    """A Valkey that may be hurt."""
    with RunningValkey(tmp_path / "valkey") as running:
        yield running


@pytest.fixture
def running(own_valkey: RunningValkey, tmp_path: Path) -> Iterator["Pools"]:
    with ExitStack() as stack:
        yield Pools(own_valkey, tmp_path, stack)


class Pools:
    """Workers of this test alone."""

    def __init__(self, valkey: RunningValkey, folder: Path, stack: ExitStack) -> None:
        self._valkey = valkey
        self._folder = folder
        self._stack = stack
        self._count = 0

    def start(self, stage: str) -> RunningWorker:
        self._count += 1
        folder = self._folder / f"worker-{self._count}"
        worker = RunningWorker(stage, self._valkey.url, folder, ENVIRONMENT)  # type: ignore[arg-type]
        self._stack.enter_context(worker)
        return worker


@asynccontextmanager
async def open_turns(valkey: RunningValkey) -> AsyncIterator[Turns]:
    async with Turns(valkey.url, request_seconds=60) as turns:
        await turns.dispatcher.warm_up()
        yield turns


async def follow_until(live: LiveTurn, kind: type[Happening]) -> tuple[list[Happening], AsyncIterator[Happening]]:
    """The turn's happenings up to the first of a kind, and the rest."""
    happenings: list[Happening] = []
    rest = live.follow()
    async for happening in rest:
        happenings.append(happening)
        if isinstance(happening, kind):
            break
    return happenings, rest


WHO = Who("u1", "Asha", "test:failures")


async def test_a_killed_writer_is_replaced_without_repeating_a_sentence(
    own_valkey: RunningValkey, running: Pools
) -> None:
    doomed = running.start("generate")
    running.start("synthesize")
    async with open_turns(own_valkey) as turns:
        live = await turns.read(WHO, "slow please", spoken=True)
        happenings, rest = await follow_until(live, Sentence)
        running.start("generate")
        doomed.kill()
        happenings += [happening async for happening in rest]
    sentences = of_kind(happenings, Sentence)
    assert " ".join(sentence.text for sentence in sentences) == SLOW_ANSWER
    assert of_kind(happenings, ReplyEnded)[0].text == SLOW_ANSWER
    assert [playable.index for playable in played(happenings)] == list(range(5))


async def test_the_only_transcriber_is_killed_and_comes_back(own_valkey: RunningValkey, running: Pools) -> None:
    ear = running.start("transcribe")
    running.start("generate")
    running.start("synthesize")
    async with open_turns(own_valkey) as turns:
        ear.freeze()
        live = await turns.hear(WHO, pcm(0.25))
        ear.kill()
        running.start("transcribe")
        happenings = [happening async for happening in live.follow()]
    assert of_kind(happenings, ReplyEnded)[0].text.startswith("You said level 250")
    assert all(playable.packets for playable in played(happenings))


async def test_a_worker_that_wakes_up_after_it_was_replaced_says_nothing(
    own_valkey: RunningValkey, running: Pools
) -> None:
    sleeper = running.start("generate")
    running.start("synthesize")
    async with open_turns(own_valkey) as turns:
        live = await turns.read(WHO, "slow please", spoken=True)
        happenings, rest = await follow_until(live, Sentence)
        sleeper.freeze()
        running.start("generate")
        happenings += [happening async for happening in rest]
        sleeper.thaw()
    sentences = of_kind(happenings, Sentence)
    assert [sentence.index for sentence in sentences] == list(range(5))
    assert " ".join(sentence.text for sentence in sentences) == SLOW_ANSWER


async def test_redis_is_killed_in_the_middle_of_an_answer_and_comes_back(
    own_valkey: RunningValkey, running: Pools
) -> None:
    workers = [running.start("generate"), running.start("synthesize")]
    async with open_turns(own_valkey) as turns:
        live = await turns.read(WHO, "slow please", spoken=True)
        happenings, rest = await follow_until(live, Sentence)
        own_valkey.kill()
        await asyncio.to_thread(own_valkey.start)
        happenings += [happening async for happening in rest]
    assert all(worker.process.poll() is None for worker in workers)
    assert of_kind(happenings, ReplyEnded)[0].text == SLOW_ANSWER
    assert [playable.index for playable in played(happenings)] == list(range(5))


async def test_redis_that_stays_away_is_told_of(own_valkey: RunningValkey, running: Pools) -> None:
    running.start("generate")
    async with open_turns(own_valkey) as turns:
        live = await turns.read(WHO, "slow please", spoken=False)
        happenings, rest = await follow_until(live, Sentence)
        own_valkey.kill()
        async for happening in rest:
            happenings.append(happening)
            if isinstance(happening, Waiting):
                break
        own_valkey.start()
    assert of_kind(happenings, Waiting) == [Waiting("generate", "redis")]


async def test_redis_that_is_silent_is_told_of_as_soon(own_valkey: RunningValkey, running: Pools) -> None:
    """Frozen, it takes connections and answers nothing: each question would wait for twice five seconds."""
    running.start("generate")
    async with open_turns(own_valkey) as turns:
        live = await turns.read(WHO, "slow please", spoken=False)
        happenings, rest = await follow_until(live, Sentence)
        own_valkey.process.send_signal(signal.SIGSTOP)
        try:
            async with asyncio.timeout(PATIENCE_SECONDS):
                async for happening in rest:
                    happenings.append(happening)
                    if isinstance(happening, Waiting):
                        break
            with pytest.raises(NotSent):
                await turns.hear(WHO, bytes(32_000), speculative=True)
        finally:
            own_valkey.process.send_signal(signal.SIGCONT)
    assert of_kind(happenings, Waiting) == [Waiting("generate", "redis")]


async def test_sound_that_redis_does_not_give_at_once_is_asked_for_again(
    own_valkey: RunningValkey, running: Pools, monkeypatch: pytest.MonkeyPatch
) -> None:
    running.start("generate")
    running.start("synthesize")
    async with open_turns(own_valkey) as turns:
        give, refusals = turns.dispatcher.sound, [RedisError("loading"), RedisError("loading")]

        async def sometimes(key: str) -> bytes:
            if refusals:
                raise refusals.pop()
            return await give(key)

        monkeypatch.setattr(turns.dispatcher, "sound", sometimes)
        live = await turns.read(WHO, "tell me", spoken=True)
        happenings = [happening async for happening in live.follow()]
    assert not refusals
    assert all(playable.packets for playable in played(happenings))
    assert not of_kind(happenings, TurnFailed)


async def test_sound_that_is_gone_is_told_so_that_its_words_are_written(
    own_valkey: RunningValkey, running: Pools, monkeypatch: pytest.MonkeyPatch
) -> None:
    running.start("generate")
    running.start("synthesize")
    async with open_turns(own_valkey) as turns:

        async def gone(_: str) -> bytes:
            return b""

        monkeypatch.setattr(turns.dispatcher, "sound", gone)
        live = await turns.read(WHO, "tell me", spoken=True)
        happenings = [happening async for happening in live.follow()]
    sentences = [sentence.index for sentence in of_kind(happenings, Sentence)]
    assert [failed.index for failed in of_kind(happenings, TurnFailed)] == sentences
    assert [playable.index for playable in played(happenings)] == sentences


async def test_an_answer_of_which_nothing_can_be_said_is_a_failed_one(
    own_valkey: RunningValkey, running: Pools
) -> None:
    running.start("generate")
    async with open_turns(own_valkey) as turns:
        live = await turns.read(WHO, "only a tag", spoken=True)
        happenings = [happening async for happening in live.follow()]
    assert [failed.code for failed in of_kind(happenings, TurnFailed)] == ["no-words"]


async def test_a_message_that_kills_every_worker_ends_in_a_notice(own_valkey: RunningValkey, running: Pools) -> None:
    workers = [running.start("generate") for _ in range(2)]
    async with open_turns(own_valkey) as turns:
        live = await turns.read(WHO, "die", spoken=False)
        happenings: list[Happening] = []
        async for happening in live.follow():
            happenings.append(happening)
            if happening == Waiting("generate", "missing"):
                break
    # Sent again when the first worker died of it, the second died too, and then nobody was left.
    assert all(worker.process.wait(10) != 0 for worker in workers)
    assert [told for told in happenings if told != Waiting("generate", "slow")] == [Waiting("generate", "missing")]


async def test_the_only_voice_is_killed_while_it_speaks_and_comes_back(
    own_valkey: RunningValkey, running: Pools
) -> None:
    running.start("generate")
    mouth = running.start("synthesize")
    async with open_turns(own_valkey) as turns:
        mouth.freeze()
        live = await turns.read(WHO, "hello", spoken=True)
        happenings, rest = await follow_until(live, Sentence)
        mouth.kill()
        running.start("synthesize")
        happenings += [happening async for happening in rest]
    assert [bool(playable.packets) for playable in played(happenings)] == [True, True]


async def test_the_only_voice_is_killed_between_the_two_parts_of_a_sentence(
    own_valkey: RunningValkey, running: Pools
) -> None:
    running.start("generate")
    mouth = running.start("synthesize")
    async with open_turns(own_valkey) as turns:
        live = await turns.read(WHO, "drone please", spoken=True)
        happenings, rest = await follow_until(live, Playable)
        mouth.kill()
        assert not await turns.dispatcher.redis.exists(keys.segment(live.turn.id, 0))
        running.start("synthesize")
        happenings += [happening async for happening in rest]
        whole = await turns.dispatcher.redis.get(keys.segment(live.turn.id, 0))
    parts = [part for part in of_kind(happenings, Playable) if part.index == 0]
    assert [part.packets_before for part in parts] == [0, BEGINNING_PACKETS]
    sentences = played(happenings)
    assert [playable.index for playable in sentences] == [0, 1]
    assert isinstance(whole, bytes)
    assert sentences[0].packets == unpack_packets(whole)
    assert len(sentences[0].packets) >= DRONE_SECONDS * 1000 / FRAME_MS
