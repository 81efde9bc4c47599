"""People talk with Priya in a voice channel: the real bot, the real stack, real models, a simulated Discord with
end-to-end encryption."""

import asyncio
import time
import zlib
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

from config.audio import HEARD_RATE_HZ
from config.settings import Settings
from tasks.connections import connect_async
from tests.bench.saying import FRAME_SECONDS, Spoken, sounds
from tests.discord.events import VoiceConnected, VoiceResumed
from tests.discord.people.headset import Heard
from tests.discord.voice.session import VoiceSession
from tests.e2e.evening import ANSWER_SECONDS, QUIET_SECONDS, Evening, ToldTurn, an_evening, played
from tests.integration.running_stack import Home
from workers.engines import Synthesizer, Transcriber
from workers.registry import loader

LOSS = 0.02
LISTENED_SECONDS = 20.0
ANSWERED_PACKETS = 25
"""Half a second of her voice."""
SEED = 6
"""With it the test that counts lost packets loses some of the first 25 each way: it is no matter of luck."""
LAST_WORDS_PACKETS = 5
"""On their way when a person has just said the last of a stop word."""


@pytest.fixture
async def evening(
    home: Home, voice: Synthesizer, tmp_path: Path, request: pytest.FixtureRequest
) -> AsyncIterator[Evening]:
    redis = connect_async(home.redis_url)
    seed = SEED + zlib.crc32(request.node.name.encode())
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
        pcm = (heard.pcm()[: int(LISTENED_SECONDS * HEARD_RATE_HZ)] / np.float32(32_768)).astype(np.float32)
        return words(engine.transcribe(pcm).text)

    return transcribe


def words(*texts: str) -> set[str]:
    return {word.strip(".,!?'\"…-").lower() for text in texts for word in text.split()} - {""}


@dataclass(frozen=True, slots=True)
class Understood:
    words: set[str]
    """By Whisper, of her sound."""
    played: set[str]
    """Words of the sentences that were said to their end."""


class Ears:
    """What somebody heard of her, as Whisper understands it, beside what she wrote."""

    def __init__(self, evening: Evening, whisper: Callable[[Heard], set[str]]) -> None:
        self._evening = evening
        self._whisper = whisper

    async def understand(self, *asked: str, since: float = 0.0) -> Understood:
        """Her packets after ``since`` (``time.monotonic()``), until she is silent, say the sentences of the turns in
        which these words were asked."""
        async with asyncio.timeout(ANSWER_SECONDS):
            while await self._answers(set(asked)) is None:
                await self._evening.asha.headset.something_heard()
        heard = await self._evening.asha.hears_silence_of(QUIET_SECONDS)
        turns = await self._answers(set(asked)) or []
        new = Heard([packet for packet in heard.packets if packet.at > since])
        understood = await asyncio.to_thread(self._whisper, new)  # her Discord runs in this loop
        written = words(*(sentence for turn in turns for sentence in turn.sentences.values()))
        assert understood, f"nothing is to be understood of {written}"
        assert len(understood & written) >= 0.6 * len(understood), (understood, written)
        # More than was lost is added, or else the last sentence wouldn't count.
        seconds = min(len(sounds(new)) * FRAME_SECONDS / (1 - 2 * LOSS), LISTENED_SECONDS)
        return Understood(understood, words(*played(turns, seconds)))

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
    return sum(at > since for at in sounds(heard))


async def hears_more(evening: Evening, since: float) -> None:
    """Half a second of her, after ``since``."""
    before = len(sounds(evening.asha.heard())) - sounds_since(evening.asha.heard(), since)
    await evening.asha.hears(before + ANSWERED_PACKETS, seconds=ANSWER_SECONDS)


async def interrupted(evening: Evening, asked: str, spoken: Spoken) -> None:
    """The answer in whose question ``asked`` is was being said when somebody spoke, and was not said to its end."""
    turns = [turn for turn in await evening.turns() if asked in words(turn.heard) and turn.sentences]
    assert turns, f"no answer to a question with {asked}"
    of_answer = [at for at in sounds(evening.asha.heard()) if at < spoken.ended_at]
    assert of_answer[0] < spoken.began_at < of_answer[-1], "she was silent already"
    said, written = len(of_answer) * FRAME_SECONDS, sum(turns[0].lengths.values())
    assert await evening.is_cancelled(turns[0]) or said < 0.9 * written, f"{said} s of {written} s were said"


def packets_were_lost(session: VoiceSession) -> None:
    """Each way, as SEED promises."""
    for link in (session.downlink, session.uplink):
        assert link.sent > ANSWERED_PACKETS
        assert link.lost > 0


async def test_a_spoken_turn_is_heard_answered_and_understood(evening: Evening, ears: Ears) -> None:
    session = await evening.sit_down(evening.asha)
    await evening.says(evening.asha, "What did you eat for lunch today?")
    await evening.asha.hears(ANSWERED_PACKETS, seconds=ANSWER_SECONDS)
    understood = await ears.understand("lunch")
    assert understood.played, "no sentence was said to its end"
    assert len(understood.words & understood.played) >= 0.6 * len(understood.played), understood
    heard = evening.asha.heard()
    assert heard.undecryptable() == 0
    assert all(packet.sent != packet.opus for packet in heard.packets if not packet.is_silence), "sealed end to end"
    packets_were_lost(session)


async def test_new_words_end_her_answer_and_are_answered(evening: Evening, ears: Ears) -> None:
    new_words = evening.saying("What is the name of your sister?")
    await evening.sit_down(evening.asha)
    await evening.says(evening.asha, "Please tell me a long story about your village.")
    await evening.asha.hears(ANSWERED_PACKETS, seconds=ANSWER_SECONDS)
    spoken = await evening.says(evening.asha, new_words)
    await hears_more(evening, spoken.ended_at)
    await ears.understand("sister", since=spoken.ended_at)
    assert sounds_since(evening.asha.heard(), spoken.ended_at) >= ANSWERED_PACKETS
    await interrupted(evening, "village", spoken)


async def test_she_stops_when_she_is_told_to(evening: Evening) -> None:
    stop = evening.saying("Stop, stop.")
    await evening.sit_down(evening.asha)
    await evening.says(evening.asha, "Please tell me a long story about your village.")
    await evening.asha.hears(ANSWERED_PACKETS, seconds=ANSWER_SECONDS)
    spoken = await evening.says(evening.asha, stop)
    silent_at = time.monotonic()
    await evening.asha.hears_silence_of(QUIET_SECONDS)
    said = len(sounds(evening.asha.heard()))
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(QUIET_SECONDS):
            await evening.asha.hears(said + 1, seconds=ANSWER_SECONDS)
    assert sounds_since(evening.asha.heard(), silent_at) <= LAST_WORDS_PACKETS, "she was silent when the word was out"
    await interrupted(evening, "village", spoken)


async def test_she_is_heard_after_another_server_took_over(evening: Evening, ears: Ears) -> None:
    await evening.sit_down(evening.asha)
    mark = evening.discord.journal.mark()
    await evening.guild.move_region()
    await evening.discord.bot_connected_to_voice(since=mark)
    await evening.sealed_call(since=mark)
    await evening.says(evening.asha, "What did you eat for lunch today?")
    await evening.asha.hears(ANSWERED_PACKETS, seconds=ANSWER_SECONDS)
    await ears.understand("lunch")


async def test_she_is_heard_after_a_connection_was_resumed(evening: Evening, ears: Ears) -> None:
    session = await evening.sit_down(evening.asha)
    await evening.says(evening.asha, "What did you eat for lunch today?")
    await evening.asha.hears(ANSWERED_PACKETS, seconds=ANSWER_SECONDS)
    mark = evening.discord.journal.mark()
    await evening.discord.voice.close(session, 4015)
    await evening.discord.journal.first(VoiceResumed, since=mark)
    await evening.asha.hears_silence_of(QUIET_SECONDS)
    spoken = await evening.says(evening.asha, "And where is my yellow umbrella?")
    await hears_more(evening, spoken.ended_at)
    await ears.understand("umbrella", since=spoken.ended_at)
    assert not evening.discord.journal.all(VoiceConnected, since=mark), "the session is the same"


async def test_dragged_into_another_channel_she_talks_with_who_is_there(evening: Evening, ears: Ears) -> None:
    await evening.sit_down(evening.asha)
    mark = evening.discord.journal.mark()
    await evening.guild.move_bot(evening.terrace)
    await evening.asha.join(evening.terrace)
    await evening.discord.bot_connected_to_voice(since=mark)
    await evening.sealed_call(since=mark)
    await evening.says(evening.asha, "What did you eat for lunch today?")
    await evening.asha.hears(ANSWERED_PACKETS, seconds=ANSWER_SECONDS)
    await ears.understand("lunch")


async def test_two_people_who_talk_at_once_are_told_apart(evening: Evening, ears: Ears) -> None:
    await evening.sit_down(evening.asha, evening.rohan)
    lunch = evening.saying("Priya, what did you eat for lunch today?")
    umbrella = evening.saying("Priya, where is my yellow umbrella?")
    _, spoken = await asyncio.gather(evening.says(evening.asha, lunch), evening.says(evening.rohan, umbrella))
    await hears_more(evening, spoken.ended_at)
    await ears.understand("lunch", "umbrella", since=spoken.ended_at)
    transcripts = [transcript.lower() for transcript in await evening.transcripts()]
    assert any("lunch" in transcript and "umbrella" not in transcript for transcript in transcripts)
    assert any("umbrella" in transcript and "lunch" not in transcript for transcript in transcripts)


async def test_who_has_not_agreed_is_not_heard(evening: Evening) -> None:
    await evening.sit_down(evening.asha)
    await evening.rohan.join(evening.room)
    await evening.says(evening.rohan, "Priya, where is my yellow umbrella?")
    await evening.says(evening.asha, "Priya, what did you eat for lunch today?")
    await evening.asha.hears(ANSWERED_PACKETS, seconds=ANSWER_SECONDS)
    assert "umbrella" not in " ".join(await evening.transcripts()).lower()


async def test_a_mention_is_answered_in_writing(evening: Evening) -> None:
    await evening.asha.write(evening.general, f"<@{evening.discord.world.bot.id}> how was your day?")
    posted = await evening.discord.bot_wrote(seconds=ANSWER_SECONDS)
    assert posted.content.rstrip("… ")
    assert posted.content.rstrip("… ") in await evening.words()
