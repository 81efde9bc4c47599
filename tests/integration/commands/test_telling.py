"""status and help."""

import re

import pytest

from config.phrases import LANGUAGES, phrases
from tasks.connections import connect
from tasks.presence import Offer, Presence
from tests.integration.commands.evening import DOORS, Evening, says
from tests.running import RunningValkey

pytestmark = [pytest.mark.filterwarnings("ignore::DeprecationWarning")]  # nextcord's own use of aiohttp


async def test_all_commands_are_listed_with_their_choices(evening: Evening) -> None:
    listed = {command["name"]: command for command in evening.discord.commands.registered[None]}
    assert {*listed} == {
        *("join", "leave", "talk", "stop", "voice", "language", "consent", "answers", "status", "health", "help")
    }  # fmt: skip
    choices = {choice["value"] for choice in listed["language"]["options"][0]["choices"]}
    assert choices == {"english", "hindi", "hinglish", "auto"}
    assert listed["voice"]["options"][0]["autocomplete"]
    assert {command.name for command in evening.bot.commands} == {*listed}, "each has its twin"


UPTIME = re.compile(r"1h 2m \d+s")


@pytest.mark.parametrize("door", DOORS)
async def test_help_names_every_command_in_every_language(evening: Evening, door: str) -> None:
    for language in LANGUAGES:
        await evening.parts.preferences.set_language(evening.asha.id, language)
        told = await evening.orders(door, "help")
        assert all(f"`{command.name}`" in told for command in evening.bot.commands)
        assert told.splitlines()[0] in says("help_intro", language)


@pytest.mark.parametrize("door", DOORS)
async def test_status_tells_how_she_is(evening: Evening, own_valkey: RunningValkey, door: str) -> None:
    evening.parts.active.taken, evening.parts.active.answered = 7, 5
    ill = await evening.orders(door, "status")
    assert UPTIME.sub("1h", ill.splitlines()[0]) in says("status_intro_ill", uptime="1h")
    assert "nobody there" in ill
    with connect(own_valkey.url) as redis:
        for stage, engines in (("transcribe", "whisper"), ("generate", "llama"), ("synthesize", "hibari")):
            presence = Presence(redis, stage, longest_task_seconds=60)  # type: ignore[arg-type]
            presence.become("ready", engines, Offer((engines, "spare"), ("heart",) if stage == "synthesize" else ()))
            presence._renew()
        told = await evening.orders(door, "status")
    assert UPTIME.sub("1h", told.splitlines()[0]) in says("status_intro", uptime="1h")
    assert "7 taken, 5 answered, 0 gone wrong; active requests: 0" in told
    for line in ("Ears: whisper, spare", "AI providers: llama, spare", "Voice engines: hibari, spare", "Voices: heart"):
        assert line in told
    assert "MB" in told
    assert "shards: 1" in told


@pytest.mark.parametrize("door", DOORS)
async def test_without_redis_that_is_what_she_tells(evening: Evening, own_valkey: RunningValkey, door: str) -> None:
    own_valkey.stop()
    told = await evening.orders(door, "status")
    assert phrases().say("status_no_redis", "en") in told
    assert await evening.orders(door, "language", name="hindi") in says("no_memory")
    assert await evening.orders(door, "consent", choice="agree") in says("consent_not_saved")
    assert not evening.parts.consent.has_agreed(evening.asha.id)
