"""Several people in Priya's voice channel: whom she hears, whom she answers, and in which order."""

import asyncio
from collections.abc import AsyncIterator, Iterator

import pytest
import pytest_asyncio

from bot.turns import Who
from config.emergency import emergency
from tasks import keys
from tests.discord.people.person import Person
from tests.integration.voice_rooms import (
    PATIENCE_SECONDS,
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
    return await scene.person("Asha")


@pytest_asyncio.fixture
async def ben(scene: RoomScene, asha: Person) -> Person:
    person = await scene.person("Ben")
    await scene.join(asha, person)
    return person


async def said_so_far(scene: RoomScene) -> list[str]:
    return [past.said for past in await scene.history()]


async def until_answered(scene: RoomScene, *said: str) -> None:
    """History keeps an answer when it is over; she may pause in the middle of it."""
    async with asyncio.timeout(PATIENCE_SECONDS):
        while len(await said_so_far(scene)) < len(said):  # noqa: ASYNC110  # nobody tells it
            await asyncio.sleep(0.05)
    assert await said_so_far(scene) == list(said)


async def test_in_a_group_she_answers_who_names_her_and_then_needs_no_name(
    scene: RoomScene, asha: Person, ben: Person
) -> None:
    await says(asha, "so he went home")
    await asha.hears_silence_of(1.5)
    assert await said_so_far(scene) == []
    await says(asha, "priya sing something")
    await her_next_words(asha, 30)
    await asha.hears_silence_of(1.0)
    await says(asha, "so he went home")
    await her_next_words(asha, 30)
    await asha.hears_silence_of(1.0)
    await says(ben, "so he went home")  # he was not answered before: not hers
    await asha.hears_silence_of(1.5)
    await until_answered(scene, "priya sing something", "so he went home")


async def test_two_who_speak_at_once_are_answered_one_after_the_other(
    scene: RoomScene, asha: Person, ben: Person
) -> None:
    async with asyncio.TaskGroup() as both:
        both.create_task(says(asha, "priya sing something", 0.5))
        both.create_task(says(ben, "priya sing something", 1.5))
    await her_next_words(asha, 100)
    await asha.hears_silence_of(1.5)
    history = await scene.history()
    assert [past.answered.split()[0] for past in history] == ["You", "You"]
    assert all(past.answered.endswith("I am listening to you.") for past in history)
    assert [past.said for past in history] == ["priya sing something"] * 2


async def test_what_others_say_to_each_other_does_not_end_her_answer(
    scene: RoomScene, asha: Person, ben: Person
) -> None:
    who = Who(str(asha.id), "Asha", f"discord:{scene.scene.channel.id}")
    await scene.room.say(who, "More and more and more of it. " * 6)
    await her_next_words(ben, 20)
    current = scene.room._agenda.current
    await says(ben, "so he went home")
    await her_next_words(ben, 50)  # a second of hers: longer than the silence that ends what he says
    assert scene.room._agenda.current is current
    await says(ben, "priya sing something")
    await until_answered(scene, "priya sing something")


async def test_who_did_not_agree_is_not_heard_and_who_takes_it_back_no_longer(scene: RoomScene) -> None:
    asha = await scene.person("Asha", agrees=False)
    await scene.consent.revoke(asha.id)
    await scene.join(asha)
    await says(asha, "sing something")
    await asha.hears_silence_of(1.0)
    assert not scene.room._talkers
    await scene.consent.agree(asha.id)
    await says(asha, "sing something")
    await her_next_words(asha, 30)
    await asha.hears_silence_of(1.0)
    speaking = asyncio.create_task(says(asha, "so he went home", 1.5))
    async with asyncio.timeout(5):
        while not scene.room._talkers[asha.id]._talks:  # noqa: ASYNC110 - nobody tells it
            await asyncio.sleep(0.01)
    await scene.consent.revoke(asha.id)
    assert not scene.room._talkers
    await speaking
    await asha.hears_silence_of(1.5)
    await until_answered(scene, "sing something")


async def test_what_is_typed_over_her_counts_as_if_it_were_said(scene: RoomScene, asha: Person, ben: Person) -> None:
    who = Who(str(asha.id), "Asha", f"discord:{scene.scene.channel.id}")
    await scene.room.say(who, "More and more and more of it. " * 6)
    await her_next_words(asha, 20)
    assert not await scene.room.typed(who, "achha", is_for_her=True)
    await her_next_words(asha, 20)
    told = scene.room._agenda.current
    assert told is not None
    assert await scene.room.typed(who, "no, tell me about the sea instead", is_for_her=False)
    await scene.room.history_settled()
    assert await scene.turns.dispatcher.redis.exists(keys.heard(told.turn_id)), "before anything is asked anew"
    assert not scene.room.is_speaking
    before = sounds(asha)
    await asha.hears_silence_of(1.0)
    assert sounds(asha) - before <= 2
    assert not await scene.room.stop()


@pytest.mark.parametrize("how", ["sent away", "put out"])
async def test_who_leaves_in_mid_answer_is_remembered_by_what_was_heard(
    scene: RoomScene, asha: Person, how: str
) -> None:
    await scene.join(asha)
    who = Who(str(asha.id), "Asha", f"discord:{scene.scene.channel.id}")
    await scene.room.say(who, "More and more and more of it. " * 6)
    await her_next_words(asha, 20)
    room, told = scene.room, scene.room._agenda.current
    assert told is not None
    if how == "sent away":
        await scene.rooms.leave(scene.scene.home.id)
    else:
        await scene.scene.home.kick_bot_from_voice()
    async with asyncio.timeout(10):
        await told.is_over.wait()
        await room.settled()
    redis = scene.turns.dispatcher.redis
    heard = await redis.get(keys.heard(told.turn_id))
    assert heard is not None
    assert len(heard) < len("More and more and more of it. " * 6) / 2
    assert await redis.exists(keys.cancelled(told.turn_id))


async def test_when_every_model_fails_she_is_heard_all_the_same(scene: RoomScene, asha: Person) -> None:
    await scene.join(asha)
    await says(asha, "fail")
    await her_next_words(asha, 30)
    await asha.hears_silence_of(1.0)
    [past] = await scene.history()
    assert past.said == "fail"
    assert emergency().is_hers(past.answered)
    assert (scene.active.failed, scene.active.running) == (0, 0)
