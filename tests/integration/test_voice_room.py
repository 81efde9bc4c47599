"""Priya in a voice channel: the real client on the simulated Discord, real Redis and workers, tones for words."""

import asyncio
import itertools
import time
from collections.abc import AsyncIterator, Iterator

import pytest
import pytest_asyncio

from bot.turns import Who
from tests.discord.events import MessagePosted
from tests.discord.people.headset import HeardPacket
from tests.discord.people.person import Person
from tests.integration.voice_rooms import (
    RoomScene,
    her_next_words,
    room_scene,
    room_stack,
    says,
    sounds,
)

pytestmark = pytest.mark.filterwarnings("ignore:parameter 'timeout' of type 'float':DeprecationWarning")


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    yield from room_stack(tmp_path_factory.mktemp("room"))


@pytest_asyncio.fixture
async def scene(monkeypatch: pytest.MonkeyPatch, stack: str) -> AsyncIterator[RoomScene]:
    async with room_scene(monkeypatch, stack) as set_up:
        yield set_up


@pytest_asyncio.fixture
async def asha(scene: RoomScene) -> Person:
    person = await scene.person("Asha")
    await scene.join(person)
    return person


def sound_of_her(person: Person) -> list[HeardPacket]:
    return [packet for packet in person.heard().packets if packet.opus and not packet.is_silence]


def last_sound_at(person: Person) -> float:
    return sound_of_her(person)[-1].at


def her_pauses(person: Person) -> list[tuple[float, float]]:
    """From when to when she said nothing, longer than a late packet."""
    times = [packet.at for packet in sound_of_her(person)]
    return [(one, other) for one, other in itertools.pairwise(times) if other - one > 0.15]


async def she_talks_on(person: Person) -> None:
    """Asked for it, she talks for a quarter of a minute."""
    await says(person, "on and on")
    await her_next_words(person, 30)


async def test_alone_with_one_person_she_answers_without_her_name(scene: RoomScene, asha: Person) -> None:
    await says(asha, "sing something")
    await her_next_words(asha, 30)
    await asha.hears_silence_of(1.0)
    [past] = await scene.history()
    assert (past.said, past.answered) == ("sing something", "You said sing something to me. I am listening to you.")


async def test_words_over_her_end_her_answer_and_are_answered(
    scene: RoomScene, asha: Person, capsys: pytest.CaptureFixture[str]
) -> None:
    await she_talks_on(asha)
    before, began_at = sounds(asha), time.monotonic()
    await says(asha, "sing something")
    with capsys.disabled():
        print(f"\n  she falls silent {(last_sound_at(asha) - began_at) * 1000:.0f} ms after the first word over her")
    assert sounds(asha) - before < 30  # of the thirty that she would have said meanwhile
    await her_next_words(asha, 30)
    await asha.hears_silence_of(1.0)
    first, second = await scene.history()
    assert second.said == "sing something"
    assert first.answered.startswith("More of")  # of "More of thing 0.", as far as she was heard
    assert len(first.answered.split()) < 30  # of the eighty that were written


async def test_a_backchannel_lets_her_go_on_from_the_same_place(
    scene: RoomScene, asha: Person, capsys: pytest.CaptureFixture[str]
) -> None:
    await she_talks_on(asha)
    current, began_at = scene.room._agenda.current, time.monotonic()
    await says(asha, "haan", 0.4)
    await her_next_words(asha, 10)
    pauses = [pause for pause in her_pauses(asha) if pause[1] > began_at]
    with capsys.disabled():
        after = [round((until - began_at - 0.4) * 1000) for _, until in pauses]
        print(f"\n  she goes on {after} ms after the backchannel's end")
    [(_, until)] = pauses
    assert until - began_at - 0.4 < 1.5
    await her_next_words(asha, 30)
    assert scene.room._agenda.current is current


async def test_a_false_start_lets_her_go_on(scene: RoomScene, asha: Person) -> None:
    await she_talks_on(asha)
    current = scene.room._agenda.current
    await says(asha, "sing something", 0.14)
    await her_next_words(asha, 30)
    assert scene.room._agenda.current is current


async def test_stop_ends_it_and_she_stays_quiet(scene: RoomScene, asha: Person) -> None:
    await she_talks_on(asha)
    await says(asha, "ruko")
    await asha.hears_silence_of(2.5)
    assert not scene.room.is_speaking
    [past] = await scene.history()
    assert past.said == "on and on"
    assert len(past.answered.split()) < 30


async def test_stop_just_after_her_last_word_is_no_question(scene: RoomScene, asha: Person) -> None:
    await says(asha, "sing something")
    await her_next_words(asha, 30)
    await asha.hears_silence_of(0.4)
    await says(asha, "ruko")
    await asha.hears_silence_of(2.0)
    assert [past.said for past in await scene.history()] == ["sing something"]


async def test_she_goes_on_when_nobody_knows_in_time_what_was_said(scene: RoomScene, asha: Person) -> None:
    await she_talks_on(asha)
    current = scene.room._agenda.current
    await says(asha, "haan haan", 0.5)
    before = time.monotonic()
    await her_next_words(asha, 30)
    assert time.monotonic() - before < 4
    assert scene.room._agenda.current is current


async def test_who_goes_on_before_her_first_sound_asks_one_question(scene: RoomScene, asha: Person) -> None:
    await says(asha, "sing something")
    async with asyncio.timeout(5):
        while scene.room._agenda.is_empty:  # noqa: ASYNC110 - nobody tells it
            await asyncio.sleep(0.01)
    await says(asha, "so he went home")
    await her_next_words(asha, 30)
    await asha.hears_silence_of(1.0)
    assert (await scene.history())[-1].said.endswith("so he went home")


async def test_a_segment_that_is_late_leaves_silence_and_nothing_is_said_twice(scene: RoomScene, asha: Person) -> None:
    mark = len(asha.heard().packets)
    await scene.room.say(Who(str(asha.id), "Asha", "test"), "This comes at once. And wait for this one. Then the end.")
    await her_next_words(asha, 20)
    current = scene.room._agenda.current
    assert current is not None
    await current.is_over.wait()
    assert current.speech is not None
    assert current.speech.underruns == 1
    await asha.hears_silence_of(0.5)
    packets = asha.heard().packets[mark:]
    sequence = [packet.sequence for packet in packets]
    assert sequence == sorted(sequence)
    assert sum(packet.is_silence for packet in packets) >= 25  # half a second of it was bridged
    assert sum(current.speech.sent_ms.values()) == 20 * sum(not packet.is_silence for packet in packets)


async def test_what_she_can_not_say_she_writes(scene: RoomScene, asha: Person) -> None:
    mark = scene.scene.discord.journal.mark()
    await says(asha, "mute")
    written = await scene.scene.discord.journal.first(MessagePosted, since=mark)
    assert written.content == "You said mute to me."  # and she says the other sentence
    assert written.channel_id == scene.scene.channel.id


async def test_what_is_being_written_stops_at_once_and_history_keeps_what_was_heard(
    scene: RoomScene, asha: Person, capsys: pytest.CaptureFixture[str]
) -> None:
    await says(asha, "slow please")
    await her_next_words(asha, 20)
    current = scene.room._agenda.current
    assert current is not None
    assert not current.is_whole  # generate is still at it
    stopped_at = time.monotonic()
    assert await scene.room.stop()
    await asyncio.gather(*scene.room._agenda._ending)
    with capsys.disabled():
        print(
            f"\n  written no more, and history mended, {(time.monotonic() - stopped_at) * 1000:.0f} ms after the stop"
        )
    assert time.monotonic() - stopped_at < 1.0
    [past] = await scene.history()
    assert "And this is a rather long sentence".startswith(past.answered)
    assert 1 <= len(past.answered.split()) <= 4  # 0.4 s and a little of 2.2 s
    assert current.live is not None
    assert current.live.progress.ended is None


async def test_what_she_says_can_be_stopped(scene: RoomScene, asha: Person) -> None:
    await she_talks_on(asha)
    assert await scene.room.stop()
    assert not await scene.room.stop()
    assert not scene.room.is_speaking
    before = sounds(asha)
    await asha.hears_silence_of(1.0)
    assert sounds(asha) - before <= 2


async def test_who_is_talking_does_not_keep_her_from_finishing(scene: RoomScene, asha: Person) -> None:
    await scene.room.say(Who(str(asha.id), "Asha", "test"), "More and more and more of it. " * 2)
    await her_next_words(asha, 10)
    talking = asyncio.create_task(says(asha, "sing something", 20.0))
    async with asyncio.timeout(5):
        while not scene.room._agenda.floor.is_paused:  # noqa: ASYNC110 - nobody tells it
            await asyncio.sleep(0.01)
    async with asyncio.timeout(8):
        await scene.room.finish()
    talking.cancel()
