"""How people learn that she listens, and the two buttons with which they let her or don't. One event loop."""

import asyncio
import contextlib
from typing import Final

import aiohttp
import nextcord
from loguru import logger
from nextcord.abc import Messageable
from redis.exceptions import RedisError

from bot.consent import Consent
from bot.preferences import Preferences
from config.phrases import Language, guess_language, phrases

AGREE: Final = "consent:agree"
REVOKE: Final = "consent:revoke"
"""Fixed for good: a button pressed after a restart, or a year, still means the same."""

THINKING_AFTER_SECONDS: Final = 1.0
"""Discord waits 3 s for the first word; "is thinking" has to be on its way well before."""

type Press = nextcord.Interaction[nextcord.Client]
type Listening = nextcord.VoiceChannel | nextcord.StageChannel


def _view() -> nextcord.ui.View:
    # nextcord would otherwise keep a view for every message that had one; ``ConsentButtons`` answers them all.
    return nextcord.ui.View(timeout=None, prevent_update=False)


def consent_buttons(language: Language) -> nextcord.ui.View:
    """The two buttons, to be sent with a message. Whoever presses one is answered by ``ConsentButtons``."""
    view = _view()
    for key, custom_id, style in (
        ("consent_button_agree", AGREE, nextcord.ButtonStyle.success),
        ("consent_button_revoke", REVOKE, nextcord.ButtonStyle.secondary),
    ):
        label = phrases().say(key, language)
        view.add_item(nextcord.ui.Button[nextcord.ui.View](label=label, custom_id=custom_id, style=style))
    return view


class ConsentButtons(nextcord.ui.View):
    """Answers every press of the buttons, of whatever message. Give it to ``client.add_view`` at the start."""

    def __init__(self, consent: Consent, preferences: Preferences) -> None:
        super().__init__(timeout=None, prevent_update=False)
        self._consent = consent
        self._preferences = preferences
        for custom_id, press in ((AGREE, self._agree), (REVOKE, self._revoke)):
            button = nextcord.ui.Button["ConsentButtons"](custom_id=custom_id, label=custom_id)
            button.callback = press  # type: ignore[method-assign]  # nextcord's own way without a class a button
            self.add_item(button)

    async def on_error(self, error: Exception, item: nextcord.ui.Item[nextcord.ui.View], interaction: Press) -> None:
        """A press that could not be answered: for the log alone, the person is past hearing of it."""
        logger.opt(exception=error).bind(success=False).error("A button was pressed in vain: {}", type(error).__name__)

    async def _agree(self, interaction: Press) -> None:
        await self._decide(interaction, agrees=True)

    async def _revoke(self, interaction: Press) -> None:
        await self._decide(interaction, agrees=False)

    async def _decide(self, interaction: Press, *, agrees: bool) -> None:
        person = interaction.user
        if person is None:
            return
        deciding = asyncio.create_task(decide(self._consent, person.id, agrees=agrees), name="consent-button")
        done, _ = await asyncio.wait({deciding}, timeout=THINKING_AFTER_SECONDS)
        if not done:  # a Redis that is silent: Discord would say that nothing has happened
            await interaction.response.defer(ephemeral=True, with_message=True)
        key = await deciding
        language = await self._preferences.language_of(person.id) or _spoken_in(interaction.message)
        await interaction.send(
            phrases().say(key, language), ephemeral=True, allowed_mentions=nextcord.AllowedMentions.none()
        )


async def decide(consent: Consent, user_id: int, *, agrees: bool) -> str:
    """Store somebody's decision. Returns the key of what she says to it."""
    try:
        await (consent.agree(user_id) if agrees else consent.revoke(user_id))
    except RedisError as error:
        logger.bind(success=False).error("A decision about being heard was not stored: {}", error)
        return "consent_not_saved"
    return "consent_given" if agrees else "consent_revoked"


async def announce(where: Messageable, channel: Listening, preferences: Preferences) -> None:
    """Say in one message who she is, that she listens in ``channel``, what becomes of what is said, and how to let her:
    ``where``, and in the channel's own chat if she may not write there or if not all who sit in the channel can read
    it there. Raises nextcord.HTTPException when neither worked."""
    told = {"channel": channel.mention}
    is_told = False
    if where != channel:
        with contextlib.suppress(nextcord.Forbidden, nextcord.NotFound):
            await _ask(where, channel.guild, preferences, "consent_ask", **told)
            is_told = True
    if is_told:
        if not _all_can_read(where, channel):
            with contextlib.suppress(nextcord.HTTPException, aiohttp.ClientError, OSError):  # who can read it knows
                await _ask(channel, channel.guild, preferences, "consent_ask", **told)
        return
    await _ask(channel, channel.guild, preferences, "consent_ask", **told)


def _all_can_read(where: Messageable, channel: Listening) -> bool:
    """Whether everybody who sits in ``channel`` may look into ``where``."""
    if not isinstance(where, nextcord.abc.GuildChannel | nextcord.Thread):
        return True
    if isinstance(where, nextcord.Thread) and where.is_private():
        return False
    with contextlib.suppress(nextcord.ClientException):  # a post in a kind of forum that nextcord doesn't know
        return all(where.permissions_for(member).view_channel for member in channel.members if not member.bot)
    return True


async def tell_newcomer(
    channel: Listening, person: nextcord.Member, preferences: Preferences, otherwise: Messageable | None
) -> None:
    """Tell one person who came later: in the channel's own chat, or ``otherwise`` where she may not write there. Raises
    nextcord.HTTPException when neither worked."""
    told = {"channel": channel.mention, "person": person.mention}
    try:
        await _ask(channel, channel.guild, preferences, "consent_newcomer", **told)
    except (nextcord.Forbidden, nextcord.NotFound):
        if otherwise is None:
            raise
        await _ask(otherwise, channel.guild, preferences, "consent_newcomer", **told)


async def _ask(where: Messageable, guild: nextcord.Guild, preferences: Preferences, key: str, **fields: object) -> None:
    language = await language_of_server(guild, preferences)
    await where.send(
        phrases().say(key, language, None, **fields),
        view=consent_buttons(language),
        allowed_mentions=nextcord.AllowedMentions.none(),
    )


async def language_of_server(guild: nextcord.Guild, preferences: Preferences) -> Language:
    """What it chose, else what its locale says."""
    chosen = (await preferences.of_server(guild.id)).language
    return language_named(chosen) or language_of_locale(guild.preferred_locale)


def language_named(name: str) -> Language | None:
    match name:
        case "en" | "hi" | "hinglish":
            return name
        case _:
            return None


def language_of_locale(locale: object) -> Language:
    """Discord's locales have Hindi and English, no Hinglish."""
    return "hi" if str(locale) == "hi" else "en"


def _spoken_in(message: nextcord.Message | None) -> Language:
    """Somebody pressed a button below this: they could read it."""
    return (guess_language(message.content) if message is not None else None) or "en"
