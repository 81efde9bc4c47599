"""People talk with Priya in a voice channel: the real bot, the real stack, real models, a simulated Discord with
end-to-end encryption."""

import asyncio
import time
import zlib
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import numpy as np
import pytest

from config.settings import Settings
from tasks.connections import connect_async
from tests.discord.people.headset import Heard
from tests.e2e.evening import ANSWER_SECONDS, QUIET_SECONDS, Evening, ToldTurn, an_evening
from tests.integration.running_stack import Home
from workers.engines import Synthesizer, Transcriber
from workers.registry import loader

LOSS = 0.02
TWENTY_SECONDS = 20 * 16_000
ANSWERED_PACKETS = 25
"""Half a second of her voice."""
LAST_WORDS_PACKETS = 5
"""On their way when a person has just said the last of a stop word."""


@pytest.fixture
async def evening(
    home: Home, voice: Synthesizer, tmp_path: Path, request: pytest.FixtureRequest
) -> AsyncIterator[Evening]:
    redis = connect_async(home.redis_url)
    seed = zlib.crc32(request.node.name.encode())
    try:
        async with an_evening(home, voice, redis, tmp_path / "bot.log", seed) as begun:
            begun.discord.voice.faults.downlink.loss = begun.discord.voice.faults.uplink.loss = LOSS
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


class Ears:
    """What somebody heard of her, as Whisper understands it, beside what she wrote."""

    def __init__(self, evening: Evening, whisper: Callable[[Heard], set[str]]) -> None:
        self._evening = evening
        self._whisper = whisper

    async def understand(self, *asked: str, since: float = 0.0) -> None:
        """Her packets after ``since`` (``time.monotonic()``), until she is silent, say the sentences of the turns in
        which these words were asked."""
        async with asyncio.timeout(ANSWER_SECONDS):
            while await self._answers(set(asked)) is None:
                await self._evening.asha.headset.something_heard()
        heard = await self._evening.asha.hears_silence_of(QUIET_SECONDS)
        turns = await self._answers(set(asked)) or []
        understood = self._whisper(Heard([packet for packet in heard.packets if packet.at > since]))
        written = words(*(sentence for turn in turns for sentence in turn.sentences))
        assert understood, f"nothing is to be understood of {written}"
        assert len(understood & written) >= 0.6 * len(understood), (understood, written)

    async def _answers(self, asked: set[str]) -> list[ToldTurn] | None:
        """The turns in which these words were asked, once each of them is answered."""
        turns = [turn for turn in await self._evening.turns() if asked & words(turn.heard)]
        is_whole = asked <= words(*(turn.heard for turn in turns)) and all(turn.sentences for turn in turns)
        return turns if is_whole else None


@pytest.fixture
def ears(evening: Evening, whisper: Callable[[Heard], set[str]]) -> Ears:
    return Ears(evening, whisper)


def sounds_since(heard: Heard, since: float) -> int:
    """Packets with sound, without the silence that follows the last word."""
    return sum(packet.at > since and bool(packet.opus) and not packet.is_silence for packet in heard.packets)


async def hears_more(evening: Evening, since: float) -> None:
    """Half a second of her, after ``since``."""
    before = sounds_since(evening.asha.heard(), 0.0) - sounds_since(evening.asha.heard(), since)
    await evening.asha.hears(before + ANSWERED_PACKETS, seconds=ANSWER_SECONDS)


async def test_a_spoken_turn_is_heard_answered_and_understood(evening: Evening, ears: Ears) -> None:
    await evening.sit_down(evening.asha)
    await evening.says(evening.asha, "What did you eat for lunch today?")
    await evening.asha.hears(ANSWERED_PACKETS, seconds=ANSWER_SECONDS)
    await ears.understand("lunch")
    assert evening.asha.heard().undecryptable() == 0


async def test_new_words_end_her_answer_and_are_answered(evening: Evening, ears: Ears) -> None:
    await evening.sit_down(evening.asha)
    await evening.says(evening.asha, "Please tell me a long story about your village.")
    await evening.asha.hears(ANSWERED_PACKETS, seconds=ANSWER_SECONDS)
    ended_at = await evening.says(evening.asha, "What is the name of your sister?")
    await hears_more(evening, ended_at)
    await ears.understand("sister", since=ended_at)
    assert sounds_since(evening.asha.heard(), ended_at) >= ANSWERED_PACKETS
    assert any("village" in turn.heard.lower() for turn in await evening.turns())


async def test_she_stops_when_she_is_told_to(evening: Evening) -> None:
    await evening.sit_down(evening.asha)
    await evening.says(evening.asha, "Please tell me a long story about your village.")
    await evening.asha.hears(ANSWERED_PACKETS, seconds=ANSWER_SECONDS)
    await evening.says(evening.asha, "Stop, stop.")
    silent_at = time.monotonic()
    await evening.asha.hears_silence_of(QUIET_SECONDS)
    said = sounds_since(evening.asha.heard(), 0.0)
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(QUIET_SECONDS):
            await evening.asha.hears(said + 1, seconds=ANSWER_SECONDS)
    assert sounds_since(evening.asha.heard(), silent_at) <= LAST_WORDS_PACKETS, "she was silent when the word was out"


async def test_she_is_heard_after_another_server_took_over(evening: Evening, ears: Ears) -> None:
    await evening.sit_down(evening.asha)
    mark = evening.discord.journal.mark()
    await evening.guild.move_region()
    await evening.discord.bot_connected_to_voice(since=mark)
    await evening.says(evening.asha, "What did you eat for lunch today?")
    await evening.asha.hears(ANSWERED_PACKETS, seconds=ANSWER_SECONDS)
    await ears.understand("lunch")


async def test_she_is_heard_after_a_connection_was_resumed(evening: Evening, ears: Ears) -> None:
    session = await evening.sit_down(evening.asha)
    await evening.says(evening.asha, "What did you eat for lunch today?")
    await evening.asha.hears(ANSWERED_PACKETS, seconds=ANSWER_SECONDS)
    await evening.discord.voice.close(session, 4015)
    await evening.asha.hears_silence_of(QUIET_SECONDS)
    ended_at = await evening.says(evening.asha, "And where is my yellow umbrella?")
    await hears_more(evening, ended_at)
    await ears.understand("umbrella", since=ended_at)


async def test_dragged_into_another_channel_she_talks_with_who_is_there(evening: Evening, ears: Ears) -> None:
    await evening.sit_down(evening.asha)
    mark = evening.discord.journal.mark()
    await evening.guild.move_bot(evening.terrace)
    await evening.asha.join(evening.terrace)
    await evening.discord.bot_connected_to_voice(since=mark)
    await evening.says(evening.asha, "What did you eat for lunch today?")
    await evening.asha.hears(ANSWERED_PACKETS, seconds=ANSWER_SECONDS)
    await ears.understand("lunch")


async def test_two_people_who_talk_at_once_are_told_apart(evening: Evening, ears: Ears) -> None:
    await evening.sit_down(evening.asha, evening.rohan)
    _, ended_at = await asyncio.gather(
        evening.says(evening.asha, "Priya, what did you eat for lunch today?"),
        evening.says(evening.rohan, "Priya, where is my yellow umbrella?"),
    )
    await hears_more(evening, ended_at)
    await ears.understand("lunch", "umbrella", since=ended_at)
    transcripts = [transcript.lower() for transcript in await evening.transcripts()]
    assert any("lunch" in transcript and "umbrella" not in transcript for transcript in transcripts)
    assert any("umbrella" in transcript and "lunch" not in transcript for transcript in transcripts)


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
