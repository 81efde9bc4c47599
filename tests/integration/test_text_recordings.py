"""Recordings and files that are sent to her: what she hears, and what she refuses."""

from collections.abc import AsyncIterator, Iterator

import numpy as np
import pytest

from bot.preferences import Preferences
from config.audio import HEARD_RATE_HZ
from tests.fakes.ogg_files import ogg_of, tone
from tests.integration.text_place import Place, text_place
from tests.running import RunningValkey

pytestmark = [pytest.mark.filterwarnings("ignore::DeprecationWarning")]  # nextcord's own use of aiohttp


@pytest.fixture(scope="module")
def own_valkey(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningValkey]:
    """No real worker listens here."""
    with RunningValkey(tmp_path_factory.mktemp("recordings-valkey")) as running_valkey:
        yield running_valkey


@pytest.fixture
async def place(own_valkey: RunningValkey) -> AsyncIterator[Place]:
    async with text_place(own_valkey.url) as place:
        yield place


async def test_a_voice_message_is_transcribed_and_answered_in_text(place: Place) -> None:
    direct = place.discord.world.direct_channel(place.asha.member.user)
    await place.asha.send_voice_message(direct, ogg_of(tone(1.5)), 1.5)
    utterance, pcm = await place.workers.asked_to_transcribe()
    samples = np.frombuffer(pcm, np.int16)
    assert abs(len(samples) - 1.5 * HEARD_RATE_HZ) < 320
    assert not utterance.speculative
    spectrum = np.abs(np.fft.rfft(samples[8_000:16_000]))
    assert abs(int(spectrum.argmax()) * 2 - 220) <= 4
    await place.workers.heard(utterance.turn, "sun rahi ho")
    await place.workers.words(utterance.turn, "Haan, sun rahi hoon.")
    await place.workers.sentence(utterance.turn, 0, "Haan, sun rahi hoon.")
    await place.workers.end(utterance.turn, "Haan, sun rahi hoon.", 1)
    await place.final("Haan, sun rahi hoon.")
    await place.finished()
    assert place.active.answered == 1


async def test_a_voice_message_to_nobody_in_particular_is_heard_of_those_who_agreed(place: Place) -> None:
    guild = place.client.get_guild(place.home.id)
    assert guild is not None
    guild._member_count = 2  # alone with her: all of it is hers
    await place.asha.send_voice_message(place.general, ogg_of(tone(0.5)), 0.5)
    await place.says("recording_without_consent")
    assert await place.workers.waiting("transcribe") == 0
    place.agreed.add(place.asha.id)
    await place.asha.send_voice_message(place.general, ogg_of(tone(0.5)), 0.5)
    await place.workers.asked_to_transcribe()


async def test_where_she_answers_everything_a_recording_may_be_for_anybody(place: Place) -> None:
    await Preferences(place.turns.dispatcher.redis).set_server(place.home.id, answers="always")
    try:
        await place.asha.send_voice_message(place.general, ogg_of(tone(0.5)), 0.5)
        await place.asha.write(place.general, "suna?")
        assert (await place.workers.answer("Nahi.")).text == "suna?"
        await place.final("Nahi.")
        assert len(place.by_her()) == 1
        assert await place.workers.waiting("transcribe") == 0
    finally:
        await Preferences(place.turns.dispatcher.redis).set_server(place.home.id, answers="addressed")


async def test_a_voice_message_without_words_is_asked_for_again(place: Place) -> None:
    direct = place.discord.world.direct_channel(place.asha.member.user)
    await place.asha.send_voice_message(direct, ogg_of(tone(0.5)), 0.5)
    utterance, _ = await place.workers.asked_to_transcribe()
    await place.workers.heard(utterance.turn, "")
    await place.workers.drop(utterance.turn, "nothing-heard")
    await place.says("nothing_heard")


@pytest.mark.parametrize(
    ("content", "seconds", "key"),
    [(b"OggS...", 1.0, "attachment_refused"), (b"", 1.0, "attachment_refused"), (ogg_of(tone(0.1)), 301.0, "too_long")],
)
async def test_a_voice_message_that_is_none_is_refused_in_words(
    place: Place, content: bytes, seconds: float, key: str
) -> None:
    direct = place.discord.world.direct_channel(place.asha.member.user)
    await place.asha.send_voice_message(direct, content, seconds)
    await place.says(key)
    assert await place.workers.waiting("transcribe") == 0


async def test_a_voice_message_that_is_gone_is_asked_for_again(place: Place) -> None:
    file = place.discord.files.keep("voice-message.ogg", b"", "audio/ogg")
    file["url"] = file["url"].replace(file["id"], "1")
    await place.asha.write_directly("", files=[file])
    await place.says("nothing_heard")


async def test_other_attachments_are_refused_kindly(place: Place) -> None:
    file = place.discord.files.keep("cat.png", b"\x89PNG", "image/png")
    await place.asha.write_directly("", files=[file])
    await place.says("attachment_refused")
    assert await place.workers.waiting() == 0


async def test_something_without_words_is_refused_directly_and_left_alone_in_a_server(place: Place) -> None:
    """A poll, or something forwarded."""
    poll = {"content": "", "embeds": [{"title": "?"}]}
    await place.discord.messages.post(place.asha.member.user, place.general, poll, [])
    direct = place.discord.world.direct_channel(place.asha.member.user)
    await place.discord.messages.post(place.asha.member.user, direct, poll, [])
    assert (await place.says("attachment_refused")).channel_id == direct.id
    assert len(place.by_her()) == 1


async def test_and_the_words_beside_them_are_answered(place: Place) -> None:
    file = place.discord.files.keep("cat.png", b"\x89PNG", "image/png")
    await place.asha.write_directly("look", files=[file])
    said = await place.workers.asked_to_answer()
    assert said.text == "look"
    refusal = await place.says("attachment_refused")
    await place.workers.words(said.turn, "Tell me about it.")
    await place.workers.end(said.turn, "Tell me about it.")
    await place.final(f"{refusal.content}\n\nTell me about it.")


async def test_words_beside_a_recording_are_what_is_asked(place: Place) -> None:
    file = place.discord.files.keep("song.ogg", ogg_of(tone(0.5)), "audio/ogg")
    await place.asha.write_directly("my song!", files=[file])
    assert (await place.workers.asked_to_answer()).text == "my song!"
    await place.says("attachment_refused")
    assert await place.workers.waiting("transcribe") == 0


async def test_a_recording_with_only_her_mention_is_heard(place: Place) -> None:
    file = place.discord.files.keep("voice.ogg", ogg_of(tone(0.5)), "audio/ogg; codecs=opus")
    await place.asha.write(place.general, place.her, files=[file])
    utterance, _ = await place.workers.asked_to_transcribe()
    assert abs(utterance.seconds - 0.5) < 0.05
