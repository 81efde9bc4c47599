"""Priya in a voice channel when those who think or speak for her are gone: she says by heart what she can."""

from collections.abc import AsyncIterator, Iterator
from contextlib import ExitStack, asynccontextmanager
from pathlib import Path

import pytest

from bot.by_heart import ByHeart
from config.emergency import emergency, known_by_heart
from config.phrases import phrases
from config.settings import Settings
from tasks.by_heart import cut
from tasks.cached_speech import CachedSpeech, Recording, cached_speech_folder
from tasks.messages import StageName
from tests.discord.events import MessagePosted
from tests.discord.people.person import Person
from tests.fakes.stages import TONE_RATE_HZ
from tests.integration.voice_rooms import ROOM_ENVIRONMENT, RoomScene, her_next_words, room_scene, says, sounds
from tests.running import RunningValkey, RunningWorker
from workers.engines import Speech
from workers.text_to_speech.packets import spoken_packets

pytestmark = pytest.mark.filterwarnings("ignore:parameter 'timeout' of type 'float':DeprecationWarning")


class Heart:
    """What she knows by heart, and remembers that she said."""

    def __init__(self, by_heart: ByHeart) -> None:
        self._by_heart = by_heart
        self.said: list[str] = []

    async def sound_of(self, text: str) -> tuple[bytes, ...]:
        packets = await self._by_heart.sound_of(text)
        if packets:
            self.said.append(text)
        return packets


@pytest.fixture(scope="module")
def rehearsed(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    """A home in which all that is known by heart has a sound: a second of noise."""
    import numpy as np

    settings = Settings(_env_file=None, priya_home=tmp_path_factory.mktemp("home"))
    cached = CachedSpeech(cached_speech_folder(settings), [text for _, text in known_by_heart()])
    noise = np.random.default_rng(1).normal(0, 0.1, TONE_RATE_HZ).astype(np.float32)
    packets = tuple(spoken_packets(Speech(noise, TONE_RATE_HZ))[0])
    for text in cached.texts:
        cached.keep("noise-1", Recording(text, tuple((piece, packets) for piece in cut(text))))
    return settings


@pytest.fixture
def heart(rehearsed: Settings) -> Heart:
    return Heart(ByHeart(rehearsed))


@pytest.fixture
def own_valkey(tmp_path: Path) -> Iterator[RunningValkey]:
    """A Valkey that may be hurt."""
    with RunningValkey(tmp_path / "valkey") as running:
        yield running


@asynccontextmanager
async def room_with(
    stages: tuple[StageName, ...], valkey: RunningValkey, heart: Heart | None, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[tuple[RoomScene, Person]]:
    """She sits with Asha, and has workers for these stages only."""
    with ExitStack() as running:
        for stage in stages:
            running.enter_context(RunningWorker(stage, valkey.url, Path(valkey._log).parent, ROOM_ENVIRONMENT))
        async with room_scene(monkeypatch, valkey.url, heart) as scene:
            asha = await scene.person("Asha")
            await scene.sit_down()
            yield scene, asha


async def test_without_a_generate_worker_she_answers_what_was_said_by_heart(
    own_valkey: RunningValkey, heart: Heart, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with room_with(("transcribe",), own_valkey, heart, monkeypatch) as (_, asha):
        await says(asha, "sing something")
        await her_next_words(asha, 30)
        await asha.hears_silence_of(1.0)
        await says(asha, "sing something")
        await her_next_words(asha, 30)
    first, second = heart.said
    lines = next(kind for kind in emergency().kind if kind.name == "question").en
    assert {first, second} <= set(lines)
    assert first != second


async def test_without_a_synthesize_worker_the_notice_is_heard(
    own_valkey: RunningValkey, heart: Heart, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with room_with(("transcribe", "generate"), own_valkey, heart, monkeypatch) as (_, asha):
        await says(asha, "sing something")
        await her_next_words(asha, 30)
    [said] = heart.said
    assert said in phrases().every_wording("no_worker", "en")
    assert "my voice" in said


async def test_an_emergency_answer_without_a_synthesize_worker_is_itself_heard(
    own_valkey: RunningValkey, heart: Heart, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with room_with(("transcribe", "generate"), own_valkey, heart, monkeypatch) as (scene, asha):
        await says(asha, "fail")
        await her_next_words(asha, 30)
        await asha.hears_silence_of(1.0)
        assert (await scene.history())[0].answered in heart.said
    assert len(heart.said) == 1


async def test_when_redis_dies_she_says_so(
    own_valkey: RunningValkey, heart: Heart, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with room_with((), own_valkey, heart, monkeypatch) as (_, asha):
        own_valkey.kill()
        await says(asha, "sing something")
        await her_next_words(asha, 30)
        own_valkey.start()
    [said] = heart.said
    assert said in phrases().every_wording("not_sent", "en")


async def test_what_she_does_not_know_by_heart_is_written(
    own_valkey: RunningValkey, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with room_with(("transcribe",), own_valkey, None, monkeypatch) as (scene, asha):
        mark = scene.scene.discord.journal.mark()
        await says(asha, "sing something")
        written = await scene.scene.discord.journal.first(MessagePosted, since=mark)
        lines = next(kind for kind in emergency().kind if kind.name == "question").en
        assert written.content in lines
        assert sounds(asha) == 0


async def test_what_she_says_by_heart_is_interrupted_like_anything_else(
    own_valkey: RunningValkey, heart: Heart, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with room_with(("transcribe",), own_valkey, heart, monkeypatch) as (scene, asha):
        await says(asha, "sing something")
        await her_next_words(asha, 10)
        before = sounds(asha)
        await says(asha, "ruko")
        await asha.hears_silence_of(1.5)
        assert not scene.room.is_speaking
        assert sounds(asha) - before < 60
        assert len(heart.said) == 1
