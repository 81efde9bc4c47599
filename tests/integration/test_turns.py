"""Whole turns through real Redis, real Celery and real worker processes, with instant engines."""

import asyncio
import itertools
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from bot.growing_text import GrowingText
from bot.turns import LOOK_EVERY_SECONDS, Happening, LiveTurn, Playable, Turns, Waiting, Who
from config.persona import persona
from tasks import keys
from tasks.history import PastTurn, decode_turns
from tasks.messages import Heard, ReplyEnded, SaidText, Sentence, TurnDropped, TurnFailed, Words
from tasks.stage import MOST_DELIVERIES
from tests.fakes.engine_journal import EngineJournal
from tests.fakes.stages import VOICES
from tests.integration.conftest import Results
from tests.running import RunningValkey


def pcm(level: float, seconds: float = 0.5) -> bytes:
    """A square wave: its peak is what the fake transcriber hears."""
    return (np.sign(np.sin(np.arange(int(seconds * 16_000)) / 10)) * level * 32768).astype("<i2").tobytes()


async def lived(live: LiveTurn) -> list[Happening]:
    return [happening async for happening in live.follow()]


def of_kind[Kind](happenings: list[Happening], kind: type[Kind]) -> list[Kind]:
    return [happening for happening in happenings if isinstance(happening, kind)]


def played(happenings: list[Happening]) -> list[Playable]:
    """The segments as they were heard, each in one piece."""
    whole: list[Playable] = []
    for part in of_kind(happenings, Playable):
        if not part.packets_before:
            whole.append(part)
            continue
        begun = whole[-1]
        assert (begun.index, len(begun.packets)) == (part.index, part.packets_before)
        whole[-1] = replace(part, packets=begun.packets + part.packets, packets_before=0)
    return whole


def shown(happenings: list[Happening]) -> str:
    """The words as somebody sees them."""
    answer = GrowingText()
    for words in of_kind(happenings, Words):
        answer.add(words)
    return answer.text


async def history_of(turns: Turns, who: Who) -> tuple[PastTurn, ...]:
    fields = await turns.dispatcher.redis.hgetall(keys.history(who.conversation))
    return decode_turns(fields.values())


async def test_a_typed_turn_is_answered_in_words_sentences_and_sound(turns: Turns, who: Who) -> None:
    happenings = await lived(await turns.read(who, "hello", spoken=True))
    ended = of_kind(happenings, ReplyEnded)[0]
    heard = played(happenings)
    assert shown(happenings).strip() == ended.text == "You said hello to me. I am listening to you."
    assert [sentence.text for sentence in of_kind(happenings, Sentence)] == [
        "You said hello to me.",
        "I am listening to you.",
    ]
    assert [playable.index for playable in heard] == [0, 1]
    assert all(len(playable.packets) > 20 for playable in heard)


async def test_how_a_sentence_is_felt_is_heard_and_never_seen(turns: Turns, who: Who) -> None:
    happenings = await lived(await turns.read(who, "feel it", spoken=True))
    assert [(sentence.text, sentence.emotion) for sentence in of_kind(happenings, Sentence)] == [
        ("I am so glad that you came.", "happy"),
        ("It rained all day yesterday.", "sad"),
    ]
    assert shown(happenings) == of_kind(happenings, ReplyEnded)[0].text
    [past] = await history_of(turns, who)
    assert past.answered == "I am so glad that you came. It rained all day yesterday."
    glad, sad = (len(playable.packets) for playable in played(happenings))
    assert glad < sad, "shorter by one letter, and quicker"


async def test_a_turn_that_is_only_read_has_no_sound(turns: Turns, who: Who) -> None:
    happenings = await lived(await turns.read(who, "hello", spoken=False))
    assert of_kind(happenings, ReplyEnded)
    assert not of_kind(happenings, Playable)


async def test_what_is_spoken_is_heard_and_answered(turns: Turns, who: Who) -> None:
    happenings = await lived(await turns.hear(who, pcm(0.25)))
    assert of_kind(happenings, Heard)[0].text == "level 250"
    assert of_kind(happenings, ReplyEnded)[0].text.startswith("You said level 250")


async def test_silence_is_not_answered(turns: Turns, who: Who) -> None:
    happenings = await lived(await turns.hear(who, pcm(0.0)))
    assert of_kind(happenings, TurnDropped)[0].reason == "nothing-heard"
    assert not of_kind(happenings, ReplyEnded)


async def test_a_speculative_turn_waits_for_its_commit(turns: Turns, who: Who) -> None:
    live = await turns.hear(who, pcm(0.25), speculative=True)
    happenings: list[Happening] = []
    async for happening in live.follow():
        happenings.append(happening)
        if isinstance(happening, Heard):
            # Heard, and yet nobody writes: the queue of generate is empty and no answer has begun.
            assert await turns.dispatcher.redis.llen("generate") == 0
            assert not await turns.dispatcher.redis.exists(keys.answer(live.turn.id))
            await live.commit()
    assert of_kind(happenings, ReplyEnded)[0].text.startswith("You said level 250")


async def test_a_commit_before_the_transcript_loses_nothing(turns: Turns, who: Who) -> None:
    live = await turns.hear(who, pcm(0.25), speculative=True)
    await live.commit()
    assert of_kind(await lived(live), ReplyEnded)


async def test_an_uncommitted_turn_that_is_cancelled_is_forgotten(turns: Turns, who: Who) -> None:
    live = await turns.hear(who, pcm(0.25), speculative=True)
    await live.cancel()
    assert await lived(live) == []
    await lived(await turns.read(who, "hello", spoken=False))
    assert [past.said for past in await history_of(turns, who)] == ["hello"]


async def test_a_cancelled_answer_stops_and_history_keeps_what_was_heard(
    turns: Turns, who: Who, results: Results
) -> None:
    live = await turns.read(who, "slow please", spoken=True)
    async for happening in live.follow():
        if isinstance(happening, Playable):
            await live.cancel()
    await asyncio.to_thread(results(f"{live.turn.id}.generate").get, timeout=5)
    [past] = await history_of(turns, who)
    assert len(past.answered.split()) < 40
    await turns.dispatcher.keep_heard(live.turn, "And this")
    [past] = await history_of(turns, who)
    assert past.answered == "And this"


async def test_what_was_said_before_is_known_to_the_next_turn(turns: Turns, who: Who) -> None:
    await lived(await turns.read(who, "apples", spoken=False))
    happenings = await lived(await turns.read(who, "recall", spoken=False))
    assert of_kind(happenings, ReplyEnded)[0].text == "You said: apples / recall."


async def test_what_she_is_told_to_say_is_said_as_it_is_and_not_remembered(turns: Turns, who: Who) -> None:
    text = "fail of course. Then say this, Dr. Rao!  slow please"
    live = await turns.say(who, text)
    assert live.progress.said is not None
    await turns.dispatcher.send(live.progress.said)
    happenings = await lived(live)
    sentences = [sentence.text for sentence in of_kind(happenings, Sentence)]
    assert sentences == ["fail of course.", "Then say this, Dr. Rao!", "slow please"]
    assert all(playable.packets for playable in played(happenings))
    assert [playable.index for playable in played(happenings)] == [0, 1, 2]
    [ended] = of_kind(happenings, ReplyEnded)
    assert (ended.text, ended.work.engine) == (text, "verbatim")
    assert await history_of(turns, who) == ()


async def test_nothing_to_say_is_over_at_once(turns: Turns, who: Who) -> None:
    [ended] = await lived(await turns.say(who, " \n"))
    assert isinstance(ended, ReplyEnded)
    assert ended.count == 0


async def test_the_language_of_an_answer_is_told_to_the_model_and_to_the_voice(turns: Turns, who: Who) -> None:
    happenings = await lived(await turns.read(who, "language", spoken=True, language="hinglish"))
    assert of_kind(happenings, ReplyEnded)[0].text.endswith(persona().answer_in.hinglish)
    assert {sentence.language for sentence in of_kind(happenings, Sentence)} == {"hi"}


@pytest.mark.parametrize(
    ("voice", "speaks"), [("fake-bass", "fake-bass"), ("nobody", "fake-mouth"), ("", "fake-mouth")]
)
async def test_the_voice_that_the_turn_names_speaks_or_else_the_default(
    turns: Turns, who: Who, voice: str, speaks: str
) -> None:
    happenings = await lived(await turns.read(who, "hello", spoken=True, voice=voice))
    heard = played(happenings)
    assert [playable.work.engine for playable in heard if playable.work] == [speaks, speaks]
    assert all(playable.packets for playable in heard)


async def test_workers_tell_what_they_could_do(turns: Turns) -> None:
    stages = await turns.dispatcher.stages()
    assert list(stages) == ["transcribe", "generate", "synthesize", "upkeep"]
    assert [len(load.workers) for load in stages.values()] == [1, 1, 1, 0]
    [mouth] = stages["synthesize"].workers
    assert mouth.engines == ("tests.fakes.stages:load_synthesizer",)
    assert mouth.memory_mb > 10
    assert await turns.dispatcher.voices() == VOICES


async def test_two_turns_at_once_do_not_mix(turns: Turns, who: Who) -> None:
    first = await turns.read(who, "one", spoken=True)
    second = await turns.read(replace(who, conversation="other"), "two", spoken=True)
    for live, word in ((first, "one"), (second, "two")):
        assert of_kind(await lived(live), ReplyEnded)[0].text.startswith(f"You said {word}")


async def test_a_message_delivered_twice_is_answered_once(turns: Turns, who: Who) -> None:
    live = await turns.read(who, "hello", spoken=True)
    assert live.progress.said is not None
    await turns.dispatcher.send(live.progress.said)
    happenings = await lived(live)
    assert [sentence.index for sentence in of_kind(happenings, Sentence)] == [0, 1]
    assert [playable.index for playable in played(happenings)] == [0, 1]
    assert len(of_kind(happenings, ReplyEnded)) == 1
    assert len(await history_of(turns, who)) == 1


async def test_when_all_is_told_what_stands_before_the_next_message_is_read_ahead(
    turns: Turns, who: Who, results: Results, journal: EngineJournal
) -> None:
    answers = []
    for text in ("mangoes", "papayas"):
        live = await turns.read(who, text, spoken=False)
        answers += [ended.text for ended in of_kind(await lived(live), ReplyEnded)]
        await asyncio.to_thread(results(f"{live.turn.id}.generate").get, timeout=5)
    assert journal.about("ahead", "papayas") == [f"mangoes / {answers[0]} / papayas / {answers[1]}"]


async def test_nothing_is_read_ahead_behind_what_no_model_has_just_written(
    turns: Turns, who: Who, results: Results, journal: EngineJournal
) -> None:
    """What is said as it is, what she says without a model, and the second delivery of an answer."""
    said = await turns.say(who, "Say lychees.")
    twice = await turns.read(who, "kiwis", spoken=False)
    for live in (said, twice):
        await lived(live)
        await asyncio.to_thread(results(f"{live.turn.id}.generate").get, timeout=5)
    assert twice.progress.said is not None
    await turns.dispatcher.send(twice.progress.said)
    failed = await turns.read(who, "fail at plums", spoken=False)
    await lived(failed)
    await asyncio.to_thread(results(f"{failed.turn.id}.generate").get, timeout=5)
    assert [about.partition(" / ")[0] for about in journal.about("ahead", "kiwis")] == ["kiwis"]
    assert journal.about("ahead", "lychees") == journal.about("ahead", "plums") == []


async def test_when_no_engine_can_answer_she_does_without_one(turns: Turns, who: Who) -> None:
    happenings = await lived(await turns.read(who, "fail", spoken=True))
    assert not of_kind(happenings, TurnFailed)
    assert of_kind(happenings, Playable)[0].packets
    ended = of_kind(happenings, ReplyEnded)[0]
    assert ended.work.engine == "emergency"
    assert ended.text


async def test_an_answer_that_breaks_off_and_can_not_go_on_ends_with_an_apology(turns: Turns, who: Who) -> None:
    happenings = await lived(await turns.read(who, "break", spoken=True))
    assert not of_kind(happenings, TurnFailed)
    ended = of_kind(happenings, ReplyEnded)[0]
    assert ended.text.count("That much I can say.") == 1
    assert len(ended.text) > len("That much I can say. ")
    assert ended.work.engine == "fake-mind+emergency"


async def test_a_turn_past_its_deadline_is_dropped_with_a_reason(turns: Turns, who: Who) -> None:
    live = await turns.read(who, "slow please", spoken=False)
    assert live.progress.said is not None
    late = replace(live.turn, deadline=time.time() + 0.5)
    await turns.dispatcher.send(SaidText(late, "slow please", "en", queued_at=time.time()))
    assert of_kind(await lived(live), TurnDropped)[0].reason == "late"


async def test_speech_that_is_gone_is_told_as_a_failure(turns: Turns, who: Who) -> None:
    live = await turns.hear(who, pcm(0.25), speculative=True)
    assert live.progress.utterance is not None
    gone = replace(live.progress.utterance, audio_key="audio:gone:in")
    await turns.dispatcher.send(gone)
    assert of_kind(await lived(live), TurnFailed)[0].code == "audio-expired"


async def test_final_results_are_in_the_result_backend(turns: Turns, who: Who, results: Results) -> None:
    live = await turns.hear(who, pcm(0.25))
    await lived(live)
    found = {
        stage: await asyncio.to_thread(results(f"{live.turn.id}.{stage}").get, timeout=5)
        for stage in ("transcribe", "generate", "synthesize.0")
    }
    assert found["transcribe"]["text"] == "level 250"
    assert found["generate"]["sentences"] == 2
    assert found["synthesize.0"]["milliseconds"] > 400


async def test_a_message_that_was_delivered_too_often_is_given_up(turns: Turns, who: Who) -> None:
    live = turns._open(who, spoken=False)
    await turns.dispatcher.redis.set(keys.deliveries("generate", live.turn.id, None), MOST_DELIVERIES)
    live.progress.said = SaidText(live.turn, "hello", None, queued_at=time.time())
    await turns.dispatcher.send(live.progress.said)
    [failure] = await lived(live)
    assert isinstance(failure, TurnFailed)
    assert failure.code == "poison"


async def test_a_stage_without_a_worker_is_named_within_three_seconds(tmp_path: Path, who: Who) -> None:
    with RunningValkey(tmp_path / "valkey") as lonely:
        async with Turns(lonely.url, request_seconds=20) as turns:
            live = await turns.read(who, "hello", spoken=True)
            looks = itertools.count(1)
            # The time of a machine that is never late: it goes on from look to look.
            live._progress_at, live._clock = 0.0, lambda: next(looks) * LOOK_EVERY_SECONDS
            async for happening in live.follow():
                assert happening == Waiting("generate", "missing")
                break
    assert next(looks) * LOOK_EVERY_SECONDS - LOOK_EVERY_SECONDS <= 3


async def test_a_spoken_answer_leaves_room_for_the_other(turns: Turns, who: Who) -> None:
    """She may write on and on; what is heard ends after a few sentences, and nothing of the rest is sent."""
    happenings = await lived(await turns.read(who, "on and on", spoken=True))
    count = persona().spoken_sentences
    ended = of_kind(happenings, ReplyEnded)[0]
    assert (ended.count, len(of_kind(happenings, Sentence))) == (count, count)
    assert ended.text == " ".join(f"More of thing {number}." for number in range(count))
    written = await lived(await turns.read(who, "on and on", spoken=False))
    assert of_kind(written, ReplyEnded)[0].count > count
