"""What processes share in Redis, one piece at a time, against a real Valkey."""

import asyncio
import json
import threading
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
from redis import Redis
from redis.asyncio import Redis as AsyncRedis

from tasks import keys
from tasks.answer import Answer, NoLongerOwner, StoredAnswer
from tasks.cancellation import CancelledTurns, WatchedTurn, cancel
from tasks.commitment import commit, offer_transcript
from tasks.connections import connect, connect_async
from tasks.history import KEPT_TURNS, PRUNE_ABOVE_TURNS, PastTurn, decode_turns, forget, keep_heard, remember
from tasks.messages import SaidText, Turn
from tasks.presence import Offer, Presence, WorkerPresence, workers_of
from tests.running import RunningValkey, wait_until


@pytest.fixture
def redis(valkey: RunningValkey) -> Iterator[Redis]:
    with connect(valkey.url) as connection:
        yield connection


@pytest.fixture
async def async_redis(valkey: RunningValkey) -> AsyncIterator[AsyncRedis]:
    connection = connect_async(valkey.url)
    yield connection
    await connection.aclose()


@pytest.fixture
def turn(request: pytest.FixtureRequest) -> Turn:
    return Turn(request.node.name, "replies:x", f"c:{request.node.name}", "u1", "Asha", deadline=1e12)


MOST_DELIVERIES = 5


def take_over(redis: Redis, answer: Answer) -> StoredAnswer:
    with redis.pipeline(transaction=False) as pipeline:
        answer.ask_to_take_over(pipeline, most_deliveries=MOST_DELIVERIES)
        return Answer.taken_over(pipeline.execute()[0])


def test_an_answer_is_found_again_by_the_next_owner(redis: Redis, turn: Turn) -> None:
    first = Answer(redis, turn.id, "worker-1")
    assert take_over(redis, first) == StoredAnswer((), has_ended=False)
    first.add(0, "Arre!")
    first.add(1, "नमस्ते.")
    second = Answer(redis, turn.id, "worker-2")
    assert take_over(redis, second) == StoredAnswer(("Arre!", "नमस्ते."), has_ended=False)
    second.end()
    assert take_over(redis, Answer(redis, turn.id, "worker-3")).has_ended
    assert 0 < redis.ttl(keys.answer(turn.id)) <= keys.TURN_SECONDS


def test_one_who_was_replaced_can_not_write_any_more(redis: Redis, turn: Turn) -> None:
    zombie = Answer(redis, turn.id, "worker-1")
    take_over(redis, zombie)
    take_over(redis, Answer(redis, turn.id, "worker-2"))
    with pytest.raises(NoLongerOwner):
        zombie.add(0, "too late")
    with pytest.raises(NoLongerOwner):
        zombie.end()
    assert take_over(redis, Answer(redis, turn.id, "worker-3")) == StoredAnswer((), has_ended=False)


@pytest.mark.parametrize("why", ["cancelled", "delivered too often"])
def test_one_who_will_not_work_takes_nothing_from_one_who_does(redis: Redis, turn: Turn, why: str) -> None:
    at_work = Answer(redis, turn.id, "worker-1")
    redis.set(keys.deliveries("generate", turn.id, None), MOST_DELIVERIES)
    take_over(redis, at_work)
    if why == "cancelled":
        redis.set(keys.cancelled(turn.id), 1)
    else:
        redis.incr(keys.deliveries("generate", turn.id, None))
    with pytest.raises(NoLongerOwner):
        take_over(redis, Answer(redis, turn.id, "worker-2"))
    at_work.add(0, "Still mine.")


async def test_whoever_brings_the_second_half_sends_the_turn_on(
    redis: Redis, async_redis: AsyncRedis, turn: Turn
) -> None:
    said = SaidText(turn, "hello", "en", queued_at=1.0)
    assert not offer_transcript(redis, said)
    assert await commit(async_redis, turn.id) == said


async def test_a_commit_that_comes_first_makes_the_transcript_go_on(
    redis: Redis, async_redis: AsyncRedis, turn: Turn
) -> None:
    assert await commit(async_redis, turn.id) is None
    assert offer_transcript(redis, SaidText(turn, "hello", "en", queued_at=1.0))


async def test_a_cancellation_reaches_those_at_work_and_those_who_come_later(
    redis: Redis, async_redis: AsyncRedis, turn: Turn
) -> None:
    with CancelledTurns(redis) as cancelled, cancelled.watch(turn.id) as watched:
        wait_until(lambda: redis.pubsub_numsub(keys.CANCELLED_CHANNEL)[0][1], "a listener")
        assert not watched.is_cancelled
        await cancel(async_redis, turn.id)
        await asyncio.to_thread(_wait_until_cancelled, watched)
    with CancelledTurns(redis) as cancelled:
        with cancelled.watch(turn.id) as later:
            assert asked(redis, later)
        with cancelled.watch("another") as another:
            assert not asked(redis, another)


def asked(redis: Redis, watched: WatchedTurn) -> bool:
    with redis.pipeline(transaction=False) as pipeline:
        watched.ask(pipeline)
        watched.hear(pipeline.execute()[0])
    return watched.is_cancelled


async def test_sentences_of_one_turn_are_watched_together_and_each_to_its_end(
    redis: Redis, async_redis: AsyncRedis, turn: Turn
) -> None:
    with CancelledTurns(redis) as cancelled, cancelled.watch(turn.id) as longer:
        wait_until(lambda: redis.pubsub_numsub(keys.CANCELLED_CHANNEL)[0][1], "a listener")
        with cancelled.watch(turn.id) as shorter:
            assert not asked(redis, shorter)
        await cancel(async_redis, turn.id)
        await asyncio.to_thread(_wait_until_cancelled, longer)


async def test_a_cancellation_while_nobody_listened_is_looked_up(tmp_path: Path, turn: Turn) -> None:
    with (
        RunningValkey(tmp_path / "valkey") as own,
        connect(own.url) as redis,
        CancelledTurns(redis) as cancelled,
        cancelled.watch(turn.id) as watched,
    ):
        wait_until(lambda: redis.pubsub_numsub(keys.CANCELLED_CHANNEL)[0][1], "a listener")
        # As if it had been published while the connection was cut.
        redis.set(keys.cancelled(turn.id), 1)
        redis.client_kill_filter(_type="pubsub")
        await asyncio.to_thread(_wait_until_cancelled, watched)


def _wait_until_cancelled(watched: WatchedTurn) -> None:
    wait_until(lambda: watched.is_cancelled, "the cancellation")


def test_history_keeps_the_newest_turns_only(redis: Redis, turn: Turn) -> None:
    for index in range(PRUNE_ABOVE_TURNS + 1):
        remember(redis, turn.conversation, PastTurn(f"t{index}", float(index), "said", "answered"))
    kept = decode_turns(redis.hvals(keys.history(turn.conversation)))
    assert {past.turn for past in kept} == {f"t{index}" for index in range(PRUNE_ABOVE_TURNS + 1 - KEPT_TURNS, 61)}


async def test_history_can_be_cut_to_what_was_heard_and_forgotten(
    redis: Redis, async_redis: AsyncRedis, turn: Turn
) -> None:
    remember(redis, turn.conversation, PastTurn(turn.id, 1.0, "hello", "a long answer"))
    await keep_heard(async_redis, turn.conversation, turn.id, "a long")
    await keep_heard(async_redis, turn.conversation, "unknown", "nothing")
    [past] = decode_turns(redis.hvals(keys.history(turn.conversation)))
    assert (past.said, past.answered) == ("hello", "a long")
    await forget(async_redis, turn.conversation)
    assert not redis.exists(keys.history(turn.conversation))


@pytest.mark.parametrize("heard", ["a long", ""])
async def test_what_was_heard_stands_also_when_the_answer_is_written_after_it(
    redis: Redis, async_redis: AsyncRedis, turn: Turn, heard: str
) -> None:
    await keep_heard(async_redis, turn.conversation, turn.id, heard)
    for _ in range(2):  # and when it is delivered again
        remember(redis, turn.conversation, PastTurn(turn.id, 1.0, "hello", "a long answer"))
        [past] = decode_turns(redis.hvals(keys.history(turn.conversation)))
        assert (past.said, past.answered) == ("hello", heard)


async def test_a_worker_tells_what_it_does_and_takes_its_leave(redis: Redis, async_redis: AsyncRedis) -> None:
    presence = Presence(redis, "upkeep", longest_task_seconds=60)
    presence.start()
    presence.become("ready", "an-engine", Offer(("an-engine", "another"), ("heart",)))
    with presence.working_on("t1"):
        wait_until(lambda: _told(redis, presence, '"t1"') and _told(redis, presence, '"ready"'), "its presence")
        [worker] = [worker for worker in await workers_of(async_redis, "upkeep") if worker.worker == presence.worker]
        assert (worker.engine, worker.turns) == ("an-engine", ("t1",))
        assert (worker.engines, worker.voices) == (("an-engine", "another"), ("heart",))
        assert worker.memory_mb > 0
    presence.leave()
    assert not redis.exists(keys.presence("upkeep", presence.worker))
    assert not redis.sismember(keys.workers("upkeep"), presence.worker)


async def test_a_worker_that_died_is_not_told_of_and_its_name_is_forgotten(
    redis: Redis, async_redis: AsyncRedis
) -> None:
    redis.sadd(keys.workers("upkeep"), "dead-1")
    assert await workers_of(async_redis, "upkeep") == ()
    presence = Presence(redis, "upkeep", longest_task_seconds=60)
    presence.start()
    wait_until(lambda: redis.sismember(keys.workers("upkeep"), presence.worker), "its name")
    assert redis.smembers(keys.workers("upkeep")) == {presence.worker.encode()}
    presence.leave()


def test_a_presence_of_another_version_is_understood() -> None:
    older = WorkerPresence("w", "generate", "ready", "e", "h", 1, ("t1",), 100)
    said = json.loads(older.to_json())
    del said["voices"]
    assert WorkerPresence.from_json(json.dumps({**said, "mood": "odd"})) == older


def _told(redis: Redis, presence: Presence, what: str) -> bool:
    value = redis.get(keys.presence("upkeep", presence.worker)) or b""
    return what.encode() in value


def test_a_turn_is_at_work_until_the_last_of_its_sentences_is_spoken(redis: Redis) -> None:
    presence = Presence(redis, "synthesize", longest_task_seconds=60)
    with presence.working_on("t1"):
        with presence.working_on("t1"), presence.working_on("t2"):
            assert presence.now().turns == ("t1", "t2")
        assert presence.now().turns == ("t1",)
    assert presence.now().turns == ()


def test_a_task_that_hangs_ends_its_process(redis: Redis) -> None:
    now = [0.0]
    ended = threading.Event()
    presence = Presence(redis, "generate", longest_task_seconds=60, clock=lambda: now[0], end_process=ended.set)
    with presence.working_on("t1"):
        now[0] = 59.0
        presence.check_tasks()
        assert not ended.is_set()
        now[0] = 61.0
        presence.check_tasks()
        assert ended.is_set()
