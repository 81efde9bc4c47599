"""What can't be done is said in her words, to whom it concerns."""

import pytest

from tests.discord.events import MessagePosted
from tests.discord.permissions import Permission
from tests.integration.commands.evening import DOORS, Evening, replies_to, says

pytestmark = [pytest.mark.filterwarnings("ignore::DeprecationWarning")]  # nextcord's own use of aiohttp


async def test_where_she_may_not_write_she_answers_directly(evening: Evening) -> None:
    await evening.home.deny_bot(evening.general, Permission.SEND_MESSAGES)
    await evening.asha.write(evening.general, "!leave")
    told = await evening.discord.bot_wrote()
    excuse, answer = told.content.split("\n")
    assert excuse in says("cannot_write")
    assert answer in says("not_here")
    assert told.channel_id == evening.discord.world.direct_channel(evening.asha.member.user).id


@pytest.mark.parametrize("door", DOORS)
async def test_our_own_mistake_is_no_trace_for_people(evening: Evening, door: str) -> None:
    await evening.asha.join(evening.baithak)
    evening.rooms.refuses_with = RuntimeError("at line 7 of secret.py")
    assert await evening.orders(door, "join") in says("error")


async def test_unknown_commands_are_answered_in_the_writers_language_and_noise_is_not(evening: Evening) -> None:
    assert await evening.writes("!jion") in says("unknown_command_guess", command="!jion", guess="!join")
    assert await evening.writes("!gaao yaar ek gaana") in says("unknown_command", "hinglish", command="!gaao")
    assert await evening.writes("!गाओ प्रिया") in says("unknown_command", "hi", command="!गाओ")
    await evening.asha.write(evening.general, "!!! what?! !? !123")
    before = len(evening.discord.journal.all(MessagePosted))
    assert await evening.writes("!stop") in says("not_here")
    assert len(evening.discord.journal.all(MessagePosted)) == before + 2


@pytest.mark.parametrize("command", ["join", "leave", "talk", "stop", "voice", "answers"])
async def test_what_needs_a_server_says_so_in_a_direct_message(evening: Evening, command: str) -> None:
    message = await evening.asha.write_directly(f"!{command}")
    told = await evening.discord.bot_wrote(replies_to(message.id))
    assert told.content in says("no_dm")


async def test_in_a_direct_message_she_still_takes_consent(evening: Evening) -> None:
    message = await evening.asha.write_directly("!consent haan")
    assert (await evening.discord.bot_wrote(replies_to(message.id))).content in says("consent_given")
    assert evening.parts.consent.has_agreed(evening.asha.id)


async def test_who_is_too_quick_waits_but_may_always_stop_her(evening: Evening) -> None:
    for _ in range(5):
        assert await evening.writes("!join") in says("cannot_join_nowhere")
    told = await evening.writes("!join")
    assert any(told in says("cooldown", seconds=seconds) for seconds in range(1, 11))
    assert await evening.writes("!stop") in says("not_here")
    ravi = evening.home.add_member("Ravi")
    assert await evening.writes("!join", by=ravi) in says("cannot_join_nowhere")


async def test_nobody_is_rung_by_what_is_repeated(evening: Evening) -> None:
    for text in ("!language @everyone", "!voice <@1>", "!everyone"):
        await evening.writes(text)
    bot = evening.discord.world.bot.id
    said = [posted for posted in evening.discord.journal.all(MessagePosted) if posted.author_id == bot]
    assert len(said) == 3
    assert all(posted.allowed_mentions and posted.allowed_mentions["parse"] == [] for posted in said)


@pytest.mark.parametrize("door", DOORS)
async def test_what_breaks_outside_of_a_command_is_no_trace_either(evening: Evening, door: str) -> None:
    evening.bot.check(lambda _context: False)
    evening.bot.add_application_command_check(lambda _interaction: False)
    assert await evening.orders(door, "help") in says("error")
