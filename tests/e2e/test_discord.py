"""People talk with Priya in a voice channel: the real bot, the real stack, real models, a simulated Discord with
end-to-end encryption."""

import asyncio
import zlib
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import numpy as np
import pytest

from config.settings import Settings
from tasks.connections import connect_async
from tests.discord.people.headset import Heard
from tests.e2e.evening import ANSWER_SECONDS, QUIET_SECONDS, Evening, an_evening
from tests.integration.running_stack import Home
from workers.engines import Synthesizer, Transcriber
from workers.registry import loader

LOSS = 0.02
TWENTY_SECONDS = 20 * 16_000


@pytest.fixture
async def evening(
    home: Home, voice: Synthesizer, tmp_path: Path, request: pytest.FixtureRequest
) -> AsyncIterator[Evening]:
    redis = connect_async(home.redis_url)
    seed = zlib.crc32(request.node.name.encode())
    try:
        async with an_evening(home, voice, redis, tmp_path / "bot.log", seed) as begun:
            yield begun
    finally:
        await redis.aclose()


@pytest.fixture(scope="module")
def whisper(models_folder: Path) -> Callable[[Heard], set[str]]:
    """The words in what somebody heard of her."""
    settings = Settings(_env_file=None, priya_home=models_folder.parent)
    engine: Transcriber = loader("transcribe", "faster-whisper")(settings)  # type: ignore[assignment]

    def transcribe(heard: Heard) -> set[str]:
        pcm = (heard.pcm()[:TWENTY_SECONDS] / np.float32(32_768)).astype(np.float32)
        return words(engine.transcribe(pcm).text)

    return transcribe


def words(*texts: str) -> set[str]:
    return {word.strip(".,!?'\"…-").lower() for text in texts for word in text.split()} - {""}


async def test_a_spoken_turn_is_heard_answered_and_understood(evening: Evening, whisper) -> None:
    evening.discord.voice.faults.downlink.loss = evening.discord.voice.faults.uplink.loss = LOSS
    await evening.sit_down(evening.asha)
    await evening.says(evening.asha, "What did you eat for lunch today?")
    await evening.asha.hears(25, seconds=ANSWER_SECONDS)
    heard = await evening.asha.hears_silence_of(QUIET_SECONDS)
    assert "lunch" in " ".join(await evening.transcripts()).lower()
    written = words(*await evening.sentences())
    understood = whisper(heard)
    assert len(understood & written) >= 0.6 * len(understood), (understood, written)
    assert heard.undecryptable() == 0


async def test_new_words_end_her_answer_and_are_answered(evening: Evening) -> None:
    await evening.sit_down(evening.asha)
    await evening.says(evening.asha, "Please tell me a long story about your village.")
    await evening.asha.hears(25, seconds=ANSWER_SECONDS)
    await evening.says(evening.asha, "What is the name of your sister?")
    heard = await evening.asha.hears_silence_of(QUIET_SECONDS)
    told = len(heard.packets)
    transcripts = " ".join(await evening.transcripts()).lower()
    assert "village" in transcripts
    assert "sister" in transcripts
    assert told > 25


async def test_she_stops_when_she_is_told_to(evening: Evening) -> None:
    await evening.sit_down(evening.asha)
    await evening.says(evening.asha, "Please tell me a long story about your village.")
    await evening.asha.hears(25, seconds=ANSWER_SECONDS)
    await evening.says(evening.asha, "Stop, stop.")
    heard = await evening.asha.hears_silence_of(QUIET_SECONDS)
    before = len(heard.packets)
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(QUIET_SECONDS):
            await evening.asha.hears(before + 1, seconds=ANSWER_SECONDS)


async def test_she_is_heard_after_a_move_and_after_a_resume(evening: Evening) -> None:
    session = await evening.sit_down(evening.asha)
    mark = evening.discord.journal.mark()
    await evening.guild.move_region()
    session = await evening.discord.bot_connected_to_voice(since=mark)
    await evening.says(evening.asha, "What did you eat for lunch today?")
    await evening.asha.hears(25, seconds=ANSWER_SECONDS)
    await evening.discord.voice.close(session, 4015)
    heard = await evening.asha.hears_silence_of(QUIET_SECONDS)
    first = len(heard.packets)
    await evening.says(evening.asha, "And who did you eat it with?")
    await evening.asha.hears(first + 25, seconds=ANSWER_SECONDS)


async def test_two_people_who_talk_at_once_are_told_apart(evening: Evening) -> None:
    await evening.sit_down(evening.asha, evening.rohan)
    await asyncio.gather(
        evening.says(evening.asha, "Priya, what is your favourite song?"),
        evening.says(evening.rohan, "Priya, where is my yellow umbrella?"),
    )
    await evening.asha.hears(25, seconds=ANSWER_SECONDS)
    await evening.asha.hears_silence_of(QUIET_SECONDS)
    transcripts = [transcript.lower() for transcript in await evening.transcripts()]
    assert any("song" in transcript and "umbrella" not in transcript for transcript in transcripts)
    assert any("umbrella" in transcript and "song" not in transcript for transcript in transcripts)


async def test_who_has_not_agreed_is_not_heard(evening: Evening) -> None:
    await evening.sit_down(evening.asha)
    await evening.rohan.join(evening.room)
    await evening.says(evening.rohan, "Priya, where is my yellow umbrella?")
    await evening.says(evening.asha, "Priya, what did you eat for lunch today?")
    await evening.asha.hears(25, seconds=ANSWER_SECONDS)
    assert "umbrella" not in " ".join(await evening.transcripts()).lower()


async def test_a_mention_is_answered_in_writing(evening: Evening) -> None:
    await evening.asha.write(evening.general, f"<@{evening.discord.world.bot.id}> how was your day?")
    posted = await evening.discord.bot_wrote(seconds=ANSWER_SECONDS)
    assert posted.content.rstrip("… ")
    assert posted.content.rstrip("… ") in await evening.words()
