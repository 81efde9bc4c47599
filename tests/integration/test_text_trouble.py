"""Typing with her when something is wrong: with the question, with the workers, with Discord, or with her rights."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from itertools import pairwise

import pytest

from bot.active import ActiveTurns
from bot.turns import Turns
from config.emergency import emergency
from tasks import keys
from tasks.messages import Turn
from tests.discord.events import MessageDeleted, MessageEdited
from tests.discord.permissions import Permission
from tests.discord.refusals import missing_permissions
from tests.discord.rest.rate_limits import Limit
from tests.fakes.ogg_files import ogg_of, tone
from tests.integration.text_place import Place, text_place
from tests.running import RunningValkey, unused_port

pytestmark = [pytest.mark.filterwarnings("ignore::DeprecationWarning")]  # nextcord's own use of aiohttp

MESSAGES = "/channels/{channel_id}/messages"


@pytest.fixture(scope="module")
def own_valkey(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningValkey]:
    """No real worker listens here."""
    with RunningValkey(tmp_path_factory.mktemp("trouble-valkey")) as running_valkey:
        yield running_valkey


@pytest.fixture
async def place(own_valkey: RunningValkey) -> AsyncIterator[Place]:
    async with text_place(own_valkey.url) as place:
        yield place


async def kept_of(place: Place, turn: Turn) -> str | None:
    """What history is to keep of her answer."""
    kept = await place.turns.dispatcher.redis.get(keys.heard(turn.id))
    return kept.decode() if isinstance(kept, bytes) else kept


# The turn


async def test_a_failed_turn_is_told_in_her_words(place: Place) -> None:
    await place.ask()
    said = await place.workers.asked_to_answer()
    await place.workers.fail(said.turn)
    await place.answers_without_thought("how_are_you")
    await place.finished()
    assert place.active.failed == 1


async def test_in_the_language_of_the_person(place: Place) -> None:
    await place.ask("yaar tum kaisi ho aaj")
    said = await place.workers.asked_to_answer()
    await place.workers.fail(said.turn)
    await place.answers_without_thought("how_are_you", "hinglish")


async def test_an_answer_that_breaks_off_keeps_what_was_written(place: Place) -> None:
    await place.ask()
    said = await place.workers.asked_to_answer()
    await place.workers.words(said.turn, "That much I can say.")
    posted = await place.discord.bot_wrote()
    await place.workers.fail(said.turn)
    edited = await place.discord.bot_edited(posted.id)
    assert edited.removeprefix("That much I can say.\n\n") in emergency().lost_thread.en


async def test_ears_that_fail_are_excused_for_nobody_knows_what_was_said(place: Place) -> None:
    direct = place.discord.world.direct_channel(place.asha.member.user)
    await place.asha.send_voice_message(direct, ogg_of(tone(0.5)), 0.5)
    utterance, _ = await place.workers.asked_to_transcribe()
    await place.workers.fail(utterance.turn, "transcribe")
    await place.says("failed")


async def test_what_was_heard_is_answered_in_its_language_when_nobody_can_think(place: Place) -> None:
    direct = place.discord.world.direct_channel(place.asha.member.user)
    await place.asha.send_voice_message(direct, ogg_of(tone(0.5)), 0.5)
    utterance, _ = await place.workers.asked_to_transcribe()
    await place.workers.heard(utterance.turn, "आज मैं बहुत उदास हूँ")
    await place.workers.fail(utterance.turn)
    await place.answers_without_thought("sad", "hi")


async def test_ten_failures_in_a_row_never_get_the_same_answer_twice(place: Place) -> None:
    for _ in range(10):
        await place.ask("hello")
        await place.workers.fail((await place.workers.asked_to_answer()).turn)
        await place.finished()
        place.active = ActiveTurns(10)
        place.let_her_read()
    said = [event.content for event in place.by_her()]
    assert len(said) == 10
    assert all(one != other for one, other in pairwise(said))


async def test_a_late_answer_is_told(own_valkey: RunningValkey) -> None:
    async with text_place(own_valkey.url, request_seconds=0.4) as place:
        await place.ask()
        said = await place.workers.asked_to_answer()
        await place.says("late")
        await place.finished()
        assert await place.workers.is_cancelled(said.turn)


async def test_an_empty_answer_is_a_failed_one(place: Place) -> None:
    await place.ask()
    said = await place.workers.asked_to_answer()
    await place.workers.end(said.turn, "")
    await place.answers_without_thought("how_are_you")


async def test_a_missing_worker_is_told_and_then_the_answer_takes_its_place(place: Place) -> None:
    await place.workers.leave()
    await place.ask()
    notice = await place.answers_without_thought("how_are_you")
    await place.workers.come_back()
    said = await place.workers.asked_to_answer()
    await place.workers.words(said.turn, "I am back.")
    assert await place.discord.bot_edited(notice.id) == "I am back."
    await place.workers.end(said.turn, "I am back.")
    await place.finished()
    assert len(place.by_her()) == 1


async def test_without_redis_she_says_so(place: Place) -> None:
    async with Turns(f"redis://127.0.0.1:{unused_port()}/0", request_seconds=20) as nowhere:
        place.turns = nowhere
        place.let_her_read()
        await place.ask("i had such a bad day")
        await place.answers_without_thought("sad")
        await place.ask("मुझे जीना नहीं है")
        assert "14416" in (await place.answers_without_thought("crisis", "hi")).content


async def test_a_bug_is_told_in_words_and_never_as_a_trace(place: Place) -> None:
    class BrokenTurns(Turns):
        async def read(self, *_: object, **__: object) -> "None":  # type: ignore[override]
            raise ZeroDivisionError("a bug")

    async with BrokenTurns(f"redis://127.0.0.1:{unused_port()}/0", request_seconds=1) as broken:
        place.turns = broken
        place.let_her_read()
        await place.ask()
        await place.says("error")
        assert "bug" not in "".join(event.content for event in place.by_her())


async def test_one_turn_too_many_waits_shortly_and_is_refused_in_words(place: Place) -> None:
    place.active = ActiveTurns(1, patience_seconds=0.05)
    place.let_her_read()
    await place.ask("first")
    said = await place.workers.asked_to_answer()
    await place.asha.write_directly("second")
    await place.says("cooldown", seconds=5)
    await place.workers.end(said.turn, "done")
    await place.final("done")
    assert (place.active.answered, place.active.refused) == (1, 1)


async def test_a_flood_of_one_person_leaves_room_for_others_and_is_refused_once(place: Place) -> None:
    for number in range(7):
        await place.ask(f"message {number}")
    turns = [(await place.workers.asked_to_answer()).turn for _ in range(3)]
    await place.says("cooldown", seconds=5)
    await place.home.add_member("Ravi").write(place.general, f"{place.her} and me?")
    assert (await place.workers.answer("You too.")).text == "and me?"
    await place.final("You too.")
    for turn in turns:
        await place.workers.end(turn, "answered")
    await place.finished()
    assert sorted(event.content for event in place.by_her() if event.content in ("answered", "You too.")) == [
        "You too.",
        *["answered"] * 3,
    ]
    assert len(place.by_her()) == 5, "one refusal, not four"


async def test_what_is_left_when_the_process_ends_is_cancelled(place: Place) -> None:
    await place.ask()
    said = await place.workers.asked_to_answer()
    await place.workers.words(said.turn, "So far")
    posted = await place.discord.bot_wrote()
    assert not await place.active.drain(0.05)
    assert await place.workers.is_cancelled(said.turn)
    last_words = await place.discord.bot_edited(posted.id)
    assert last_words.startswith("So far")
    assert len(last_words) > len("So far\n\n"), "that it breaks off is told"
    assert await kept_of(place, said.turn) == "So far"


async def test_who_was_not_answered_yet_when_the_process_ends_is_told(place: Place) -> None:
    await place.ask()
    said = await place.workers.asked_to_answer()
    assert not await place.active.drain(0.05)
    await place.says("failed")
    assert await kept_of(place, said.turn) == ""


# The question


async def test_a_text_that_is_far_too_long_is_refused_kindly(place: Place) -> None:
    """Discord itself lets nobody write more; but mentions are longer when they are read."""
    place.general.name = "x" * 100
    await place.discord.gateway.dispatch("CHANNEL_UPDATE", place.general.payload(), place.home.id)
    await place.ask(f"<#{place.general.id}>" * 85)
    await place.says("too_long")
    assert await place.workers.waiting() == 0


# Discord


async def test_what_breaks_down_is_tried_again_and_posted_once(place: Place) -> None:
    place.discord.rest_faults.break_down("POST /channels/.*/messages", 503, times=2)
    await place.ask()
    await place.workers.answer("phir bhi")
    await place.final("phir bhi")
    assert len(place.by_her()) == 1


async def test_the_last_words_arrive_through_a_breakdown(place: Place) -> None:
    await place.ask()
    said = await place.workers.asked_to_answer()
    await place.workers.words(said.turn, "First")
    await place.discord.bot_wrote()
    place.discord.rest_faults.break_down("PATCH /channels/.*/messages", 503)
    await place.workers.end(said.turn, "First and last.")
    await place.final("First and last.")


async def test_a_narrow_limit_is_kept_and_nothing_is_lost(place: Place) -> None:
    place.discord.rate_limits.limits["PATCH", MESSAGES + "/{message_id}"] = Limit(1, 0.7)
    await place.ask()
    said = await place.workers.asked_to_answer()
    text = ""
    for number in range(20):
        await place.workers.words(said.turn, f"{number} ", len(text))
        text += f"{number} "
        await asyncio.sleep(0.05)  # a model's speed
    await place.workers.end(said.turn, text)
    await place.final(text.strip())
    assert place.discord.rate_limits.refused == 0


async def test_where_she_may_not_write_she_says_so_directly_and_once(place: Place) -> None:
    await place.home.deny_bot(place.general, Permission.SEND_MESSAGES)
    await place.ask()
    told = await place.says("cannot_write")
    assert told.channel_id == place.discord.world.direct_channel(place.asha.member.user).id
    await place.ask("suno")
    await place.asha.write_directly("yahan?")
    assert (await place.workers.answer("Haan, yahan.")).text == "yahan?"
    await place.final("Haan, yahan.")
    assert len(place.by_her()) == 2


async def test_when_only_discord_knows_that_she_may_not_write_the_turn_ends(place: Place) -> None:
    place.discord.rest_faults.refuse(f"POST /channels/{place.general.id}/messages", missing_permissions(), times=2)
    await place.ask()
    said = await place.workers.asked_to_answer()
    await place.workers.words(said.turn, "Nobody will read this")
    await place.says("cannot_write")
    await place.finished()
    assert await place.workers.is_cancelled(said.turn)
    assert place.active.failed == 1
    assert await kept_of(place, said.turn) == "", "nobody read it"


async def test_where_replies_are_not_allowed_she_writes_without(place: Place) -> None:
    place.discord.rest_faults.refuse("POST /channels/.*/messages", missing_permissions())
    await place.ask()
    await place.workers.answer("bina reply ke")
    posted = await place.discord.bot_wrote()
    assert posted.content == "bina reply ke"
    assert "message_reference" not in posted.payload


async def test_a_question_that_was_deleted_is_answered_without_a_reply(place: Place) -> None:
    asked = await place.ask()
    said = await place.workers.asked_to_answer()
    await place.discord.messages.remove(asked)
    await place.workers.end(said.turn, "kahan gaya?")
    posted = await place.discord.bot_wrote()
    assert "message_reference" not in posted.payload


async def test_a_deleted_channel_ends_the_turn(place: Place) -> None:
    await place.ask()
    said = await place.workers.asked_to_answer()
    await place.home.delete_channel(place.general)
    await place.workers.words(said.turn, "Anybody")
    await place.finished()
    assert await place.workers.is_cancelled(said.turn)
    assert not place.by_her()


async def test_an_answer_that_somebody_deletes_stays_deleted(place: Place) -> None:
    await place.ask()
    said = await place.workers.asked_to_answer()
    await place.workers.words(said.turn, "Something bad")
    posted = await place.discord.bot_wrote()
    await place.discord.messages.remove(place.discord.message(posted.id))
    await place.workers.end(said.turn, "Something bad indeed")
    await place.finished()
    assert place.discord.journal.all(MessageDeleted)
    assert not place.discord.journal.all(MessageEdited)
    assert len(place.by_her()) == 1
    assert await kept_of(place, said.turn) == "", "what was deleted was not said"
