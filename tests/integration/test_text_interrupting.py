"""Typing while she speaks in a voice channel: it counts like speaking up there."""

import asyncio
import time
from collections.abc import AsyncIterator, Iterator, Mapping
from dataclasses import dataclass, field

import pytest

from bot.addressing import Addressing, Occasion
from bot.turns import Who
from tests.discord.channel import Channel
from tests.integration.text_place import Place, text_place
from tests.running import RunningValkey

pytestmark = [pytest.mark.filterwarnings("ignore::DeprecationWarning")]  # nextcord's own use of aiohttp


@pytest.fixture(scope="module")
def own_valkey(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningValkey]:
    """No real worker listens here."""
    with RunningValkey(tmp_path_factory.mktemp("interrupting-valkey")) as running_valkey:
        yield running_valkey


@pytest.fixture
async def place(own_valkey: RunningValkey) -> AsyncIterator[Place]:
    async with text_place(own_valkey.url) as place:
        yield place


@dataclass
class VoiceChannel:
    id: int
    voice_states: Mapping[int, object]


@dataclass
class Speaking:
    """She speaks there, and is told what was typed."""

    channel: VoiceChannel
    is_speaking: bool = True
    is_thinking: bool = False
    people: int = 1
    is_ended_by_words: bool = False
    has_settled: bool = False
    told: asyncio.Queue[tuple[Who, str]] = field(default_factory=asyncio.Queue)
    addressing: Addressing = field(default_factory=Addressing)

    async def typed(self, who: Who, text: str, *, is_for_her: bool) -> bool:
        await self.told.put((who, text))
        return self.is_ended_by_words

    async def history_settled(self) -> None:
        self.has_settled = True


@pytest.fixture
def baithak(place: Place) -> Channel:
    return next(channel for channel in place.home.guild.channels.values() if channel.has_voice)


@pytest.fixture
def room(place: Place, baithak: Channel) -> Speaking:
    room = Speaking(VoiceChannel(baithak.id, dict.fromkeys((place.asha.id, place.her_user().id))))
    place.rooms.room = room
    return room


async def test_what_is_typed_in_the_voice_channel_s_chat_interrupts_and_is_answered(
    place: Place, room: Speaking, baithak: Channel
) -> None:
    await place.asha.write(baithak, "nahi, doosri wali kahani sunao")
    said = await place.workers.answer("Achha, doosri.")
    assert said.turn.conversation == f"discord:{baithak.id}"
    assert await room.told.get() == (
        Who(str(place.asha.id), "Asha", f"discord:{baithak.id}"),
        "nahi, doosri wali kahani sunao",
    )
    await place.final("Achha, doosri.")


async def test_words_that_end_her_answer_in_a_group_are_answered_without_her_name(
    place: Place, room: Speaking, baithak: Channel
) -> None:
    room.people = 3
    await place.asha.write(baithak, "we talk among ourselves")
    assert (await room.told.get())[1] == "we talk among ourselves"
    room.is_ended_by_words = True
    await place.asha.write(baithak, "no, I meant Delhi")
    assert (await place.workers.answer("Delhi, then.")).text == "no, I meant Delhi"
    await place.final("Delhi, then.")


async def test_a_bot_in_the_voice_channel_makes_no_group_of_one_person(
    place: Place, room: Speaking, baithak: Channel
) -> None:
    room.is_speaking = False
    room.channel.voice_states = dict.fromkeys((place.asha.id, place.her_user().id, 12345))
    await place.asha.write(baithak, "kya hua")
    assert (await place.workers.answer("Kuch nahi.")).text == "kya hua"


async def test_a_stop_word_and_a_backchannel_are_told_and_not_answered(
    place: Place, room: Speaking, baithak: Channel
) -> None:
    await place.asha.write(baithak, "haan haan")
    await place.asha.write(baithak, "ruko")
    assert [(await room.told.get())[1] for _ in range(2)] == ["haan haan", "ruko"]
    room.is_speaking = False
    await place.asha.write(baithak, "ab bolo kya hua")
    assert (await place.workers.answer("Kuch nahi.")).text == "ab bolo kya hua"


async def test_from_another_channel_only_what_is_meant_for_her_interrupts(place: Place, room: Speaking) -> None:
    await place.asha.write(place.general, "koi aur baat")
    await place.ask("ruko")
    await place.home.add_member("Ravi").write(place.general, f"{place.her} ek sawaal hai mera")
    assert (await place.workers.answer("Pucho.")).text == "ek sawaal hai mera"
    assert (await room.told.get())[1] == "ruko"
    assert room.told.empty(), "Ravi isn't in the channel"


async def test_what_she_says_is_not_ended_by_what_is_meant_for_others(
    place: Place, room: Speaking, baithak: Channel
) -> None:
    room.people, room.is_ended_by_words = 3, True
    ravi = place.home.add_member("Ravi")
    await place.asha.write(baithak, "?play kishore kumar")
    await place.asha.write(baithak, f"{ravi.mention} suno")
    await place.asha.write(baithak, "aur kahani sunao")
    assert (await place.workers.answer("Suno.")).text == "aur kahani sunao"
    assert (await room.told.get())[1] == "aur kahani sunao"
    assert room.has_settled, "history has what was heard before anything is asked anew"


async def test_a_haan_elsewhere_is_to_what_was_written_there(place: Place, room: Speaking) -> None:
    await place.ask("haan")
    assert (await place.workers.answer("Toh suno.")).text == "haan"
    assert room.told.empty()


async def test_whom_she_answered_aloud_goes_on_in_the_channel_s_chat(
    place: Place, room: Speaking, baithak: Channel
) -> None:
    room.is_speaking, room.people = False, 3
    room.addressing.answered(place.asha.id, time.monotonic())
    await place.asha.write(baithak, "aur kal?")
    assert (await place.workers.answer("Kal bhi.")).text == "aur kal?"
    await place.final("Kal bhi.")
    assert room.addressing.is_addressed(Occasion("theek", place.asha.id, time.monotonic(), 3), "addressed")


async def test_two_who_write_in_the_chat_of_one_who_sits_there_are_a_group(
    place: Place, room: Speaking, baithak: Channel
) -> None:
    room.is_speaking = False
    await place.home.add_member("Ravi").write(baithak, "Asha, kab aaogi?")
    await place.asha.write(baithak, "paanch baje")
    await place.asha.write(baithak, "Priya, tum bhi aao")
    assert (await place.workers.answer("Aati hoon.")).text == "Priya, tum bhi aao"


async def test_a_stop_word_before_her_first_sound_is_told_and_other_words_are_a_question_of_their_own(
    place: Place, room: Speaking, baithak: Channel
) -> None:
    room.is_speaking, room.is_thinking = False, True
    await place.asha.write(baithak, "ruko")
    assert (await room.told.get())[1] == "ruko"
    await place.asha.write(baithak, "haan")
    assert (await place.workers.answer("Bolo.")).text == "haan"
    assert room.told.empty()
