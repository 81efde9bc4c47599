"""voice, language, answers, consent: what servers and people choose. An empty choice asks what was chosen."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Final

from redis.exceptions import RedisError

from bot.announcing import decide
from bot.commands.caller import Caller, Refused, Reply
from bot.parts import Parts
from bot.preferences import ANSWERS
from config.phrases import Language

SERVER: Final = "server"
"""Before a language: for everybody here who chose none."""
NO_CHOICE: Final = frozenset({"default", "auto", "none"})
MOST_SUGGESTIONS: Final = 25
"""Discord's limit."""

LANGUAGES_BY_NAME: Final[Mapping[str, Language | None]] = {
    "english": "en", "en": "en", "angrezi": "en", "अंग्रेज़ी": "en",
    "hindi": "hi", "hi": "hi", "हिंदी": "hi", "हिन्दी": "hi",
    "hinglish": "hinglish",
    "auto": None, "any": None, "default": None,
}  # fmt: skip
AGREEING: Final = frozenset({"agree", "yes", "haan", "on", "हाँ", "हां"})
REVOKING: Final = frozenset({"revoke", "no", "nahi", "nahin", "off", "नहीं"})


async def voice(caller: Caller, parts: Parts, name: str) -> Reply:
    server, name = caller.server, name.strip()
    voices = await parts.turns.dispatcher.voices()
    if name.lower() in NO_CHOICE:
        await parts.preferences.set_server(server.id, voice="")
        return caller.answer("voice_default")
    if not voices:
        raise Refused("voice_none")
    if not name:
        now = (await parts.preferences.of_server(server.id)).voice or caller.say("name_of_default")
        return caller.answer("voice_shown", voice=now, voices=", ".join(voices))
    chosen = next((known for known in voices if known.lower() == name.lower()), None)
    if chosen is None:
        raise Refused("voice_unknown", voice=name[:40], voices=", ".join(voices))
    await parts.preferences.set_server(server.id, voice=chosen)
    return caller.answer("voice_set", voice=chosen)


async def voices_like(parts: Parts, typed: str) -> list[str]:
    """What is offered while somebody types a voice's name; nothing without Redis."""
    try:
        voices = await parts.turns.dispatcher.voices()
    except RedisError:
        return []
    return [name for name in ("default", *voices) if typed.strip().lower() in name.lower()][:MOST_SUGGESTIONS]


async def language(caller: Caller, parts: Parts, name: str) -> Reply:
    """The caller's own; with "server" before the name that of all in this server who chose none."""
    name = name.strip()
    if name.lower() == SERVER or name.lower().startswith(f"{SERVER} "):
        return await _language_of_server(caller, parts, name[len(SERVER) :].strip())
    if not name:
        chosen = await parts.preferences.language_of(caller.person.id)
        return caller.answer("language_shown", tongue=caller.say(f"name_of_{chosen or 'auto'}"))
    if name.lower() not in LANGUAGES_BY_NAME:
        raise Refused("language_unknown", tongue=name[:40])
    chosen = LANGUAGES_BY_NAME[name.lower()]
    await parts.preferences.set_language(caller.person.id, chosen)
    if chosen is None:
        return caller.answer("language_followed")
    caller = replace(caller, language=chosen)
    return caller.answer("language_set", tongue=caller.say(f"name_of_{chosen}"))


async def _language_of_server(caller: Caller, parts: Parts, name: str) -> Reply:
    server = caller.server
    if not name:
        chosen = (await parts.preferences.of_server(server.id)).language
        return caller.answer("language_shown_here", tongue=caller.say(f"name_of_{chosen or 'auto'}"))
    if name.lower() not in LANGUAGES_BY_NAME:
        raise Refused("language_unknown", tongue=name[:40])
    caller.require("manage_guild", called="Manage Server")
    chosen = LANGUAGES_BY_NAME[name.lower()] or ""
    await parts.preferences.set_server(server.id, language=chosen)
    return caller.answer("language_set_here", tongue=caller.say(f"name_of_{chosen or 'auto'}"))


async def answers(caller: Caller, parts: Parts, when: str) -> Reply:
    server = caller.server
    if not when.strip():
        now = (await parts.preferences.of_server(server.id)).answers
        return caller.answer("answers_shown", answers=caller.say(f"name_of_{now}"))
    chosen = next((known for known in ANSWERS if known == when.strip().lower()), None)
    if chosen is None:
        raise Refused("bad_argument", usage=f"answers {' | '.join(ANSWERS)}")
    caller.require("manage_guild", called="Manage Server")
    await parts.preferences.set_server(server.id, answers=chosen)
    return caller.answer(f"answers_set_{chosen}")


async def consent(caller: Caller, parts: Parts, choice: str) -> Reply:
    choice = choice.strip().lower()
    if choice in AGREEING | REVOKING:
        return caller.answer(await decide(parts.consent, caller.person.id, agrees=choice in AGREEING))
    if choice not in ("", "show"):
        raise Refused("bad_argument", usage="consent agree | revoke | show")
    has_agreed = parts.consent.has_agreed(caller.person.id)
    return Reply(caller.say("consent_is_given" if has_agreed else "consent_is_not_given"), has_consent_buttons=True)
