"""A voice room of a process that has as many turns as it may have."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack
from pathlib import Path

import pytest

from tests.discord.people.person import Person
from tests.integration.voice_rooms import PATIENCE_SECONDS, RoomScene, her_next_words, room_scene, room_stack, says

pytestmark = pytest.mark.filterwarnings("ignore:parameter 'timeout' of type 'float':DeprecationWarning")


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    folder: Path = tmp_path_factory.mktemp("room")
    yield from room_stack(folder)


@pytest.fixture
async def scene(monkeypatch: pytest.MonkeyPatch, url: str) -> AsyncIterator[RoomScene]:
    async with room_scene(monkeypatch, url) as scene:
        yield scene


@pytest.fixture
async def asha(scene: RoomScene) -> Person:
    asha = await scene.person("Asha")
    await scene.join(asha)
    return asha


async def take_all_places(scene: RoomScene, taken: AsyncExitStack) -> None:
    while scene.active.has_place:
        await taken.enter_async_context(scene.active.turn())


async def until_refused(scene: RoomScene, count: int = 1) -> None:
    async with asyncio.timeout(PATIENCE_SECONDS):
        while scene.active.refused < count:  # noqa: ASYNC110  # a plain count of the product
            await asyncio.sleep(0.02)


async def test_without_a_place_nothing_is_sent_to_be_answered_and_she_says_so(scene: RoomScene, asha: Person) -> None:
    redis = scene.turns.dispatcher.redis
    answers_before = {key async for key in redis.scan_iter("answer:*")}
    async with AsyncExitStack() as taken:
        await take_all_places(scene, taken)
        await says(asha, "sing something")
        await until_refused(scene)
        assert not await scene.history()
        new_answers = {key async for key in redis.scan_iter("answer:*")} - answers_before
        written = [text for key in new_answers for text in await redis.hvals(key)]
        assert not any(b"sing something" in text for text in written), "but what she says about it may be there"
        await her_next_words(asha)


async def test_what_she_says_already_is_said_to_its_end(scene: RoomScene, asha: Person) -> None:
    await says(asha, "sing something")
    await her_next_words(asha)
    async with AsyncExitStack() as taken:
        await take_all_places(scene, taken)
        current = scene.room._agenda.current
        if current is not None:
            async with asyncio.timeout(PATIENCE_SECONDS):
                await current.is_over.wait()
    assert scene.active.refused == 0
    [past] = await scene.history()
    assert past.answered == "You said sing something to me. I am listening to you."
