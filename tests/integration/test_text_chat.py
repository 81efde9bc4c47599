"""Typing with her: the real nextcord client on the simulated Discord, real Redis, and workers that the test plays."""

import asyncio
import time
from collections.abc import AsyncIterator, Iterator

import pytest

from bot.text.writing import ChannelPaper, nonce_of
from tests.discord.events import MessageEdited, Typing
from tests.integration.text_place import Place, text_place
from tests.running import RunningValkey

pytestmark = [pytest.mark.filterwarnings("ignore::DeprecationWarning")]  # nextcord's own use of aiohttp

FIRST_WORDS_SECONDS = 0.5


@pytest.fixture(scope="module")
def own_valkey(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningValkey]:
    """No real worker listens here."""
    with RunningValkey(tmp_path_factory.mktemp("chat-valkey")) as running_valkey:
        yield running_valkey


@pytest.fixture
async def place(own_valkey: RunningValkey) -> AsyncIterator[Place]:
    async with text_place(own_valkey.url) as place:
        yield place


# What is answered


async def test_a_mention_is_answered_as_a_reply_that_rings_nobody(place: Place) -> None:
    asked = await place.ask()
    said = await place.workers.answer("Badhiya, @everyone! Tum?")
    assert said.text == "how are you"
    assert said.turn.conversation == f"discord:{place.general.id}"
    assert (said.turn.speaker_id, said.turn.speaker_name) == (str(place.asha.id), "Asha")
    assert not said.turn.spoken
    posted = await place.discord.bot_wrote()
    assert posted.content == "Badhiya, @everyone! Tum?"
    assert posted.payload["message_reference"]["message_id"] == str(asked.id)
    assert posted.allowed_mentions is not None
    assert posted.allowed_mentions["parse"] == []
    assert not posted.payload["mentions"]


async def test_a_direct_message_needs_no_name_and_no_reply(place: Place) -> None:
    asked = await place.asha.write_directly("psst")
    said = await place.workers.answer("haan?")
    assert said.turn.conversation == f"discord:dm:{place.asha.id}"
    posted = await place.discord.bot_wrote()
    assert posted.channel_id == asked.channel.id
    assert "message_reference" not in posted.payload


async def test_only_what_is_meant_for_her_is_answered(place: Place) -> None:
    ravi = place.home.add_member("Ravi")
    await place.asha.write(place.general, "chalo chai peete hain")
    await ravi.write(place.general, "haan chalo")
    await place.asha.write(place.general, "Priya, tum bhi?")
    said = await place.workers.answer("Main bhi!")
    assert said.text == "Priya, tum bhi?"
    await place.final("Main bhi!")
    await place.asha.write(place.general, "kitne baje?")
    assert (await place.workers.answer("Paanch.")).text == "kitne baje?", "the conversation goes on without her name"
    posted = await place.discord.bot_wrote(lambda event: event.content == "Paanch.")
    await ravi.write(place.general, "theek hai")
    await ravi.write(place.general, "pakka?", reply_to=posted.id)
    assert (await place.workers.answer("Pakka.")).text == "pakka?"


async def test_what_is_added_while_she_writes_is_for_her(place: Place) -> None:
    place.home.add_member("Ravi")
    await place.ask("Delhi ka mausam?")
    said = await place.workers.asked_to_answer()
    await place.workers.words(said.turn, "Garam ")
    await place.discord.bot_wrote()
    await place.asha.write(place.general, "sorry, Mumbai")
    added = await place.workers.answer("Mumbai mein baarish.")
    assert added.text == "sorry, Mumbai"
    await place.workers.end(said.turn, "Garam hai.")


@pytest.mark.parametrize("how", ["reply", "mention", "command"])
async def test_whom_she_answered_may_talk_to_others(place: Place, how: str) -> None:
    ravi = place.home.add_member("Ravi")
    asked = await ravi.write(place.general, "paanch baje?")
    await place.ask()
    await place.workers.answer("Badhiya.")
    await place.final("Badhiya.")
    match how:
        case "reply":
            await place.asha.write(place.general, "haan, paanch", reply_to=asked.id)
        case "mention":
            await place.asha.write(place.general, f"{ravi.mention} haan, paanch")
        case _:
            await place.asha.write(place.general, "?play kishore kumar")
    await place.asha.write(place.general, "aur tum?")
    assert (await place.workers.answer("Main bhi.")).text == "aur tum?"


async def test_a_server_that_grew_is_a_group_as_soon_as_two_have_written(place: Place) -> None:
    """Discord's count is of when she came, and changes for privileged bots only."""
    guild = place.client.get_guild(place.home.id)
    assert guild is not None
    guild._member_count = 2  # as if the others had come later
    await place.asha.write(place.general, "koi hai?")
    assert (await place.workers.answer("Main hoon.")).text == "koi hai?"
    await place.final("Main hoon.")
    await place.home.add_member("Ravi").write(place.general, "main aa gaya")
    await place.home.add_member("Sana").write(place.general, "main bhi")
    await place.ask("tum bhi?")
    assert (await place.workers.answer("Main bhi.")).text == "tum bhi?"


async def test_bots_are_never_answered(place: Place) -> None:
    other = place.discord.world.add_user("Other bot")
    other.is_bot = True
    await place.discord.messages.post(other, place.general, {"content": f"{place.her} hello"}, [])
    await place.ask("hello")
    await place.workers.answer("hello ji")
    await place.final("hello ji")
    assert len(place.by_her()) == 1
    assert await place.workers.waiting() == 0


async def test_an_edited_question_is_not_answered_twice(place: Place) -> None:
    asked = await place.ask("kaun?")
    await place.workers.answer("main")
    await place.final("main")
    await place.discord.messages.change(asked, {"content": f"{place.her} kaun ho tum?"}, [])
    await place.ask("aur?")
    assert (await place.workers.answer("bas")).text == "aur?"
    await place.final("bas")
    assert [event.content for event in place.by_her()] == ["main", "bas"]


async def test_a_message_that_comes_again_is_not_answered_twice(place: Place) -> None:
    asked = await place.ask("ek baar")
    await place.workers.answer("haan")
    await place.final("haan")
    await place.discord.gateway.dispatch("MESSAGE_CREATE", asked.payload(), place.home.id)
    await place.ask("do baar")
    assert (await place.workers.answer("ji")).text == "do baar"


async def test_a_mention_alone_calls_her(place: Place) -> None:
    await place.asha.write(place.general, place.her)
    assert (await place.workers.answer("haan bolo")).text == "Priya?"


async def test_other_mentions_and_emoji_are_read_as_people_read_them(place: Place) -> None:
    ravi = place.home.add_member("Ravi")
    await place.ask(f"{ravi.mention} ko <#{place.general.id}> mein <:party:1234567890> bulao")
    assert (await place.workers.answer("ok")).text == "@Ravi ko #general mein :party: bulao"


# How it is written


async def test_the_first_words_come_at_once_and_the_rest_is_edited_in(place: Place) -> None:
    began_at = time.monotonic()
    await place.ask()
    said = await place.workers.asked_to_answer()
    await place.workers.words(said.turn, "Main ")
    posted = await place.discord.bot_wrote()
    index = place.discord.journal.events.index(posted)
    assert place.discord.journal.times[index] - began_at < FIRST_WORDS_SECONDS
    assert posted.content == "Main"
    await place.workers.words(said.turn, "theek ", 5)
    assert await place.discord.bot_edited(posted.id) == "Main theek"
    await place.workers.words(said.turn, "hoon.", 11)
    await place.workers.end(said.turn, "Main theek hoon.")
    await place.final("Main theek hoon.")
    assert len(place.by_her()) == 1


async def test_she_seems_to_write_while_she_thinks(place: Place) -> None:
    await place.ask()
    said = await place.workers.asked_to_answer()
    assert (await place.discord.journal.first(Typing)).channel_id == place.general.id
    await place.workers.end(said.turn, "ho gaya")
    await place.final("ho gaya")


async def test_words_that_come_again_or_got_lost_change_nothing_in_the_end(place: Place) -> None:
    await place.ask()
    said = await place.workers.asked_to_answer()
    await place.workers.words(said.turn, "One two ")
    await place.workers.words(said.turn, "two ", 4)
    await place.workers.words(said.turn, "five.", 19)
    await place.workers.end(said.turn, "One two three four five.")
    await place.final("One two three four five.")
    seen = {event.content for event in place.by_her()} | {
        event.content for event in place.discord.journal.all(MessageEdited)
    }
    assert seen <= {"One two", "One two three four five."}


async def test_the_nonce_is_the_turn_and_discord_holds_to_it(place: Place) -> None:
    await place.ask()
    said = await place.workers.answer("ek hi baar")
    posted = await place.discord.bot_wrote()
    assert posted.nonce == nonce_of(said.turn.id, 0)
    again = await ChannelPaper(place.client.http, place.general.id).post("ek hi baar", nonce_of(said.turn.id, 0))
    assert again == posted.id
    assert len(place.by_her()) == 1


async def test_a_long_answer_becomes_several_messages_with_whole_code_blocks(place: Place) -> None:
    code = "\n".join(f"print('line number {number}')" for number in range(120))
    answer = f"Yeh lo:\n```python\n{code}\n```\nBas."
    await place.ask("code do")
    said = await place.workers.asked_to_answer()
    for offset in range(0, len(answer), 200):
        await place.workers.words(said.turn, answer[offset : offset + 200], offset)
    await place.workers.end(said.turn, answer)
    await place.discord.bot_wrote(lambda event: event.content.startswith("```python"))
    await place.finished()
    written = [place.discord.message(event.id).content for event in place.by_her()]
    assert len(written) == 2
    assert all(part.count("```") == 2 for part in written)
    assert written[1].endswith("Bas.")
    assert all(f"line number {number}'" in "".join(written) for number in range(120))
    nonces = [event.nonce for event in place.by_her()]
    assert len(set(nonces)) == len(nonces)


async def test_words_that_come_fast_are_edited_in_slowly_and_arrive_all(place: Place) -> None:
    await place.ask()
    said = await place.workers.asked_to_answer()
    text = ""
    for number in range(60):
        await place.workers.words(said.turn, f"word{number} ", len(text))
        text += f"word{number} "
        await asyncio.sleep(0.03)  # a model's speed
    await place.workers.end(said.turn, text.strip())
    await place.final(text.strip())
    assert len(place.discord.journal.all(MessageEdited)) <= 4
    assert place.discord.rate_limits.refused == 0


async def test_many_answers_in_one_channel_stay_within_its_limits(place: Place) -> None:
    people = [place.home.add_member(f"Guest {number}") for number in range(4)]
    for person in people:
        await person.write(place.general, f"{place.her} from {person.id}")
    turns = [await place.workers.asked_to_answer() for _ in people]
    for step in range(30):
        for said in turns:
            await place.workers.words(said.turn, f"{step} ", len("".join(f"{n} " for n in range(step))))
        await asyncio.sleep(0.02)
    finals = [f"answer to {said.text}" for said in turns]
    for said, final in zip(turns, finals, strict=True):
        await place.workers.end(said.turn, final)
    await asyncio.gather(*map(place.final, finals))
    assert place.discord.rate_limits.refused == 0
