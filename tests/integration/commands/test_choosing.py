"""voice, language, consent, answers."""

import pytest

from bot.commands.caller import language_for
from tasks.connections import connect
from tasks.presence import Offer, Presence
from tests.discord.guild import Guild
from tests.discord.stock import nextcord
from tests.integration.commands.evening import DOORS, Evening, answer_of, says
from tests.running import RunningValkey

pytestmark = [pytest.mark.filterwarnings("ignore::DeprecationWarning")]  # nextcord's own use of aiohttp


async def owned_by_asha(evening: Evening) -> None:
    guild: Guild = evening.home.guild
    guild.owner_id = evening.asha.id
    await evening.discord.gateway.dispatch("GUILD_UPDATE", guild.rest_payload(), guild.id)


@pytest.mark.parametrize("door", DOORS)
async def test_languages_are_chosen_by_name_and_spoken_from_then_on(evening: Evening, door: str) -> None:
    assert await evening.orders(door, "language") in says("language_shown", tongue="whatever you speak")
    assert await evening.orders(door, "language", name="hindi") in says("language_set", "hi", tongue="हिंदी")
    assert await evening.parts.preferences.language_of(evening.asha.id) == "hi"
    assert await evening.orders(door, "join") in says("cannot_join_nowhere", "hi")
    assert await evening.orders(door, "language", name="auto") in says("language_followed", "hi")
    assert await evening.orders(door, "leave") in says("not_here")


async def test_whom_nothing_tells_by_is_answered_as_the_server_or_the_app_speaks(evening: Evening) -> None:
    preferences, asha = evening.parts.preferences, evening.asha.id
    assert await language_for(preferences, asha, text="", guild=None, locale=nextcord.Locale.hi) == "hi"
    assert await language_for(preferences, asha, text="", guild=None, locale=nextcord.Locale.de) == "en"
    assert (
        await language_for(preferences, asha, text="kya haal hai", guild=None, locale=nextcord.Locale.hi) == "hinglish"
    )
    await preferences.set_server(evening.home.id, language="hinglish")
    assert await evening.orders("prefix", "join") in says("cannot_join_nowhere", "hinglish")
    await preferences.set_language(asha, "hi")
    assert await evening.orders("slash", "join") in says("cannot_join_nowhere", "hi")


@pytest.mark.parametrize("door", DOORS)
async def test_a_server_has_a_language_for_those_who_chose_none(evening: Evening, door: str) -> None:
    async def told(name: str) -> str:
        if door == "slash":
            return await evening.orders(door, "language", name=name, whose="server")
        return await evening.orders(door, "language", name=f"server {name}")

    refused = says("missing_permission", permission="Manage Server")
    assert await told("hindi") in refused
    await owned_by_asha(evening)
    assert await told("hindi") in says("language_set_here", tongue="Hindi")
    assert (await evening.parts.preferences.of_server(evening.home.id)).language == "hi"
    assert await evening.orders(door, "join") in says("cannot_join_nowhere", "hi")
    assert await told("auto") in says("language_set_here", "hi", tongue="जो तुम बोलो उसी")


async def test_an_unknown_language_is_said_so(evening: Evening) -> None:
    assert await evening.writes("!language klingon") in says("language_unknown", tongue="klingon")


@pytest.mark.parametrize("door", DOORS)
async def test_voices_are_chosen_from_those_that_are_there(
    evening: Evening, own_valkey: RunningValkey, door: str
) -> None:
    assert await evening.orders(door, "voice") in says("voice_none")
    with connect(own_valkey.url) as redis:
        presence = Presence(redis, "synthesize", longest_task_seconds=60)
        presence.become("ready", "hibari", Offer(("hibari", "piper"), ("heart", "nova")))
        presence._renew()
        voices = "heart, nova"
        assert await evening.orders(door, "voice") in says("voice_shown", voice="my own", voices=voices)
        assert await evening.orders(door, "voice", name="Nova") in says("voice_set", voice="nova")
        assert (await evening.parts.preferences.of_server(evening.home.id)).voice == "nova"
        assert await evening.orders(door, "voice", name="bhoot") in says("voice_unknown", voice="bhoot", voices=voices)
        assert await evening.orders(door, "voice", name="default") in says("voice_default")
        assert (await evening.parts.preferences.of_server(evening.home.id)).voice == ""


async def test_voices_are_offered_while_their_name_is_typed(evening: Evening, own_valkey: RunningValkey) -> None:
    with connect(own_valkey.url) as redis:
        presence = Presence(redis, "synthesize", longest_task_seconds=60)
        presence.become("ready", "hibari", Offer(("hibari",), tuple(f"voice{number}" for number in range(30))))
        presence._renew()
        assert await typing(evening, "voice", "name", "ICE2") == ["voice2", *(f"voice{n}" for n in range(20, 30))]
        assert len(await typing(evening, "voice", "name", "")) == 25


@pytest.mark.parametrize("door", DOORS)
async def test_consent_is_given_shown_and_taken_back(evening: Evening, door: str) -> None:
    assert await evening.orders(door, "consent") in says("consent_is_not_given")
    assert await evening.orders(door, "consent", choice="agree") in says("consent_given")
    assert evening.parts.consent.has_agreed(evening.asha.id)
    assert await evening.orders(door, "consent", choice="show") in says("consent_is_given")
    assert await evening.orders(door, "consent", choice="revoke") in says("consent_revoked")
    assert not evening.parts.consent.has_agreed(evening.asha.id)


async def test_a_decision_that_is_none_is_explained(evening: Evening) -> None:
    usage = "consent agree | revoke | show"
    assert await evening.writes("!consent maybe") in says("bad_argument", usage=usage)
    assert not evening.parts.consent.has_agreed(evening.asha.id)


@pytest.mark.parametrize("door", DOORS)
async def test_when_she_answers_is_for_those_who_manage_the_server(evening: Evening, door: str) -> None:
    shown = says("answers_shown", answers="when you call me")
    assert await evening.orders(door, "answers") in shown
    assert await evening.orders(door, "answers", when="always") in says(
        "missing_permission", permission="Manage Server"
    )
    await owned_by_asha(evening)
    assert await evening.orders(door, "answers", when="always") in says("answers_set_always")
    assert (await evening.parts.preferences.of_server(evening.home.id)).answers == "always"


async def test_a_time_to_answer_that_is_none_is_explained(evening: Evening) -> None:
    usage = "answers addressed | always | never"
    assert await evening.writes("!answers loudly") in says("bad_argument", usage=usage)


async def typing(evening: Evening, command: str, option: str, typed: str) -> list[str]:
    """What Discord offers somebody who types an option."""
    known = evening.discord.commands.find(command, evening.home.id)
    interaction = evening.discord.interactions.begin(evening.asha.member.user, evening.general)
    given = {"type": 3, "name": option, "value": typed, "focused": True}
    data = {"id": known["id"], "name": command, "type": 1, "options": [given]}
    await evening.asha._ask(interaction, 4, data)
    answered = await answer_of(evening, interaction)
    assert answered.kind == 8
    return [choice["value"] for choice in answered.data["choices"]]
