"""What was done is not done again, and what nobody wants is not done: seen from the engines, in real workers."""

import asyncio
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from celery import Celery
from celery.result import AsyncResult

from bot.growing_text import GrowingText
from bot.text.voice_messages import LONGEST_SECONDS
from bot.turns import LiveTurn, Turns, Who
from tasks import keys
from tasks.messages import Heard, Message, ReplyEnded, Sentence, StageName, Utterance, Wire, Words
from tests.fakes.engine_journal import JOURNAL, EngineJournal
from tests.fakes.stages import ENVIRONMENT
from tests.integration.conftest import Results
from tests.integration.test_turns import lived, of_kind, pcm
from tests.running import RunningValkey, RunningWorker, wait_until

TOKENS_UNTIL_CANCELLED = 22
MOST_TOKENS_AFTER = 6
"""The one that is being written, and those of the time that a publication needs on a busy machine, 50 ms each."""
LONG_SECONDS = 75
PIECES = 3
"""At least so many are heard of it when nobody minds."""


async def result_of(results: Results, task_id: str) -> Wire:
    found: Wire = await asyncio.to_thread(results(task_id).get, timeout=15)
    return found


async def until_written(journal: EngineJournal, what: str, part: str, count: int) -> None:
    look = lambda: len(journal.about(what, part)) >= count or None  # noqa: E731
    await asyncio.to_thread(wait_until, look, f"{count} times {what} of {part!r}")


async def test_a_redelivered_answer_goes_on_behind_what_was_said(turns: Turns, who: Who) -> None:
    """Its model would say it in other words: what is heard is one answer all the same."""
    live = await turns.read(who, "vary your words", spoken=False)
    assert live.progress.said is not None
    sentences: list[str] = []
    shown = GrowingText()
    ended: ReplyEnded | None = None
    async for happening in live.follow():
        if isinstance(happening, Words):
            shown.add(happening)
        if isinstance(happening, Sentence):
            sentences.append(happening.text)
            if happening.index == 0:
                await turns.dispatcher.send(live.progress.said)
        ended = happening if isinstance(happening, ReplyEnded) else ended
    assert ended is not None
    assert ended.text == " ".join(sentences) == shown.text.strip()
    assert len(sentences) == ended.count == 5
    tellings = {sentence.split()[-1][:32] for sentence in sentences}
    assert len(tellings) == 2, "the second delivery wrote the rest"


async def test_a_redelivered_answer_tells_its_words_again(turns: Turns, who: Who, results: Results) -> None:
    """Who delivered it first may have died with words that nobody saw."""
    live = await turns.read(who, "hello", spoken=False)
    assert live.progress.said is not None
    [ended] = of_kind(await lived(live), ReplyEnded)
    redis: Any = turns.dispatcher.redis
    read = len(await redis.xrange(turns.reader.stream))
    await turns.dispatcher.send(live.progress.said)

    async def told_again() -> Words:
        while True:
            entries = (await redis.xrange(turns.reader.stream))[read:]
            for event in (Message.from_json(fields[b"event"]) for _, fields in entries):
                if isinstance(event, Words) and event.turn == live.turn:
                    return event
            await asyncio.sleep(0.05)

    async with asyncio.timeout(15):
        words = await told_again()
    assert (words.text, words.offset) == (ended.text, 0)


async def test_a_redelivered_sentence_is_not_spoken_again(
    turns: Turns, who: Who, results: Results, journal: EngineJournal
) -> None:
    live = await turns.read(who, "this once and never again", spoken=True)
    sentences = of_kind(await lived(live), Sentence)
    first = await result_of(results, f"{live.turn.id}.synthesize.0")
    assert "stored" not in first
    mark = f"{live.turn.id}.again"
    celery = Celery("again", broker=turns.dispatcher._celery.conf.broker_url, set_as_current=False)
    celery.send_task("synthesize", [sentences[0].to_wire()], queue="synthesize", task_id=mark)
    again = await result_of(results, mark)
    assert again == {"milliseconds": first["milliseconds"], "stored": True}
    assert len(journal.about("say", "this once and never again")) == 1


async def test_a_cancelled_model_writes_no_more(
    turns: Turns, who: Who, results: Results, journal: EngineJournal
) -> None:
    asked = f"slow please {who.conversation}"
    live = await turns.read(who, asked, spoken=False)
    await until_written(journal, "token", asked, TOKENS_UNTIL_CANCELLED)
    before = len(journal.about("token", asked))
    await live.cancel()
    assert await result_of(results, f"{live.turn.id}.generate") == {"dropped": "cancelled"}
    assert len(journal.about("token", asked)) - before <= MOST_TOKENS_AFTER


async def test_a_long_voice_message_that_is_taken_back_is_not_heard_to_its_end(
    turns: Turns, who: Who, results: Results, journal: EngineJournal
) -> None:
    level = "437"
    live = await turns.hear(who, pcm(0.437, LONG_SECONDS), spoken=False)
    await until_written(journal, "hear", level, 1)
    await live.cancel()
    assert await result_of(results, f"{live.turn.id}.transcribe") == {"dropped": "cancelled"}
    assert len(journal.about("hear", level)) < PIECES


async def test_nobody_waits_until_a_long_voice_message_is_heard_to_its_end(
    turns: Turns, who: Who, results: Results, journal: EngineJournal
) -> None:
    recording = await turns.hear(who, pcm(0.441, LONGEST_SECONDS), spoken=False)
    spoken = await turns.hear(replace(who, conversation=f"{who.conversation}:aloud"), pcm(0.251), spoken=False)
    [quick], [long] = [of_kind(await lived(live), Heard) for live in (spoken, recording)]
    first = await result_of(results, f"{recording.turn.id}.transcribe")
    assert 0 < first["heard"] < first["pieces"]
    assert (quick.text, long.text) == ("level 251", " ".join(["level 441"] * first["pieces"]))
    in_order = [level for level in journal.about("hear") if level in ("251", "441")]
    assert in_order.index("251") == first["heard"]
    assert in_order.count("441") == first["pieces"], "each once"


async def heard_recording(turns: Turns, who: Who, results: Results, level: int) -> Utterance:
    """One that was heard and answered, and whose task is over."""
    live = await turns.hear(who, pcm(level / 1000, LONG_SECONDS), spoken=False)
    assert live.progress.utterance is not None
    [heard] = of_kind(await lived(live), Heard)
    assert heard.text == " ".join([f"level {level}"] * PIECES)
    assert (await result_of(results, f"{live.turn.id}.transcribe"))["text"] == heard.text
    return live.progress.utterance


async def send_again(turns: Turns, who: Who, utterance: Utterance) -> None:
    """Returns when the only worker has taken it up, and another one behind it."""
    await turns.dispatcher.send(utterance)
    await lived(await turns.hear(who, pcm(0.25), spoken=False))


async def test_a_recording_goes_on_where_it_was_lost(
    turns: Turns, who: Who, results: Results, journal: EngineJournal
) -> None:
    """Who heard its first pieces may be dead: the asker sends it again."""
    utterance = await heard_recording(turns, who, results, 443)
    redis: Any = turns.dispatcher.redis
    await redis.hdel(keys.pieces(utterance.turn.id), "told", "1")
    await send_again(turns, who, utterance)
    await until_written(journal, "hear", "443", PIECES + 2)  # its last piece may be behind the other one
    assert len(journal.about("hear", "443")) == PIECES + 2, "all but the first"


async def test_a_recording_that_was_told_is_not_heard_again(
    turns: Turns, who: Who, results: Results, journal: EngineJournal
) -> None:
    await send_again(turns, who, await heard_recording(turns, who, results, 447))
    assert len(journal.about("hear", "447")) == PIECES


# Cancelled while nobody was there to hear of it: only the key in Redis tells.


class Place:
    """A Valkey without workers, until one is started."""

    def __init__(self, folder: Path, valkey: RunningValkey) -> None:
        self.valkey = valkey
        self.journal = EngineJournal(folder / "engines")
        self._folder = folder
        self._backend = Celery("results", backend=valkey.url, set_as_current=False)

    @contextmanager
    def worker(self, stage: StageName) -> Iterator[None]:
        environment = {**ENVIRONMENT, JOURNAL: str(self.journal.path)}
        with RunningWorker(stage, self.valkey.url, self._folder / stage, environment):
            yield

    async def result(self, task_id: str) -> Wire:
        return await result_of(lambda task: AsyncResult(task, app=self._backend), task_id)


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Place]:
    with ExitStack() as stack:
        yield Place(tmp_path, stack.enter_context(RunningValkey(tmp_path / "valkey")))


async def queue_each(turns: Turns, who: Who) -> dict[StageName, LiveTurn]:
    """One turn in front of each stage."""
    heard = await turns.hear(who, pcm(0.5), spoken=True)
    read = await turns.read(who, "hello", spoken=True)
    spoken = turns._open(who, spoken=True)
    await turns.dispatcher.send(Sentence(spoken.turn, 0, "Hello there.", "en", time.time()))
    return {"transcribe": heard, "generate": read, "synthesize": spoken}


async def test_what_was_cancelled_in_the_queue_reaches_no_engine(place: Place, who: Who) -> None:
    async with Turns(place.valkey.url, request_seconds=120) as turns:
        queued = await queue_each(turns, who)
        for live in queued.values():
            await live.cancel()
        for stage, live in queued.items():
            with place.worker(stage):
                index = ".0" if stage == "synthesize" else ""
                assert await place.result(f"{live.turn.id}.{stage}{index}") == {"dropped": "cancelled"}
    assert [place.journal.about(what) for what in ("hear", "think", "say")] == [[], [], []]


async def test_what_nobody_cancelled_in_the_queue_does_reach_them(place: Place, who: Who) -> None:
    async with Turns(place.valkey.url, request_seconds=120) as turns:
        await queue_each(turns, who)
        for stage, what in (("transcribe", "hear"), ("generate", "think"), ("synthesize", "say")):
            with place.worker(stage):  # type: ignore[arg-type]
                await until_written(place.journal, what, "", 1)
