"""The door for slash commands: what Discord lists, offers and shows to one person or to all."""

import asyncio
import contextlib
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any, Final

import aiohttp
import nextcord
from loguru import logger
from nextcord.abc import Messageable
from nextcord.ext import commands

from bot.announcing import THINKING_AFTER_SECONDS
from bot.commands import choosing, health, status, talking
from bot.commands.answering import Answering
from bot.commands.caller import Body, Caller, Reply, language_for
from bot.parts import Parts
from bot.preferences import ANSWERS

Interaction = nextcord.Interaction[nextcord.Client]  # not as a ``type``: nextcord looks for it in signatures

LANGUAGES: Final = {"English": "english", "Hindi": "hindi", "Hinglish": "hinglish", "Whatever I speak": "auto"}
WHOSE: Final = {"Mine": "mine", "This server's": choosing.SERVER}
CONSENT: Final = {"Hear me": "agree", "Don't hear me": "revoke", "What did I say?": "show"}


def _listed(name: str, description: str) -> Callable[[Callable[..., Any]], Any]:
    """The decorator of nextcord, which carries no types."""
    listed: Callable[[Callable[..., Any]], Any] = nextcord.slash_command(name=name, description=description)
    return listed


class SlashCommands(commands.Cog):
    """One method a command: its name, its options, and which body it stands for."""

    def __init__(self, parts: Parts, answering: Answering) -> None:
        self.parts: Final = parts
        self._answering = answering

    @_listed("join", "Call Priya into your voice channel")
    async def join(self, interaction: Interaction) -> None:
        await self._answer(interaction, "join", partial(talking.join, parts=self.parts))

    @_listed("leave", "Let Priya leave the voice channel")
    async def leave(self, interaction: Interaction) -> None:
        await self._answer(interaction, "leave", partial(talking.leave, parts=self.parts))

    @_listed("talk", "Let Priya say your words aloud")
    async def talk(
        self,
        interaction: Interaction,
        text: str = nextcord.SlashOption(description="What she says", max_length=talking.LONGEST_TALK),
    ) -> None:
        await self._answer(interaction, "talk", partial(talking.talk, parts=self.parts, text=text), text=text)

    @_listed("stop", "Let Priya stop talking")
    async def stop(self, interaction: Interaction) -> None:
        await self._answer(interaction, "stop", partial(talking.stop, parts=self.parts))

    @_listed("voice", "Choose how Priya sounds in this server")
    async def voice(
        self,
        interaction: Interaction,
        name: str = nextcord.SlashOption(description="A voice; empty: which one it is", required=False, default=""),
    ) -> None:
        await self._answer(interaction, "voice", partial(choosing.voice, parts=self.parts, name=name))

    @voice.on_autocomplete("name")  # type: ignore[untyped-decorator]
    async def _offer_voices(self, interaction: Interaction, name: str) -> None:
        await interaction.response.send_autocomplete(await choosing.voices_like(self.parts, name or ""))

    @_listed("language", "Choose what Priya speaks with you")
    async def language(
        self,
        interaction: Interaction,
        name: str = nextcord.SlashOption(
            description="A language; empty: which one it is", choices=LANGUAGES, required=False, default=""
        ),
        whose: str = nextcord.SlashOption(
            description="Yours, or that of all here who chose none", choices=WHOSE, required=False, default=""
        ),
    ) -> None:
        named = f"{whose} {name}" if whose == choosing.SERVER else name
        body = partial(choosing.language, parts=self.parts, name=named)
        await self._answer(interaction, "language", body, is_private=True)

    @_listed("consent", "Let Priya hear you, or don't")
    async def consent(
        self,
        interaction: Interaction,
        choice: str = nextcord.SlashOption(
            description="Empty: what you said", choices=CONSENT, required=False, default="show"
        ),
    ) -> None:
        body = partial(choosing.consent, parts=self.parts, choice=choice)
        await self._answer(interaction, "consent", body, is_private=True)

    @_listed("answers", "Choose when Priya answers in a group")
    async def answers(
        self,
        interaction: Interaction,
        when: str = nextcord.SlashOption(
            description="Empty: how it is now", choices=list(ANSWERS), required=False, default=""
        ),
    ) -> None:
        await self._answer(interaction, "answers", partial(choosing.answers, parts=self.parts, when=when))

    @_listed("status", "How Priya is doing")
    async def status(self, interaction: Interaction) -> None:
        await self._answer(interaction, "status", partial(status.status, parts=self.parts), is_private=True)

    @_listed("health", "How each of Priya's engines is doing")
    async def health(self, interaction: Interaction) -> None:
        await self._answer(interaction, "health", partial(health.health, parts=self.parts), is_private=True)

    @_listed("help", "What Priya can do")
    async def help(self, interaction: Interaction) -> None:
        await self._answer(interaction, "help", status.help_, is_private=True)

    async def cog_application_command_error(self, interaction: Interaction, error: Exception) -> None:
        """What broke outside of a command's body."""
        logger.opt(exception=error).bind(success=False).error("A slash command broke")
        caller = await self._caller(interaction, "")
        if caller is not None and not interaction.response.is_done():
            await _send(interaction, caller.answer("error"), caller, is_private=True)

    async def _answer(
        self, interaction: Interaction, name: str, body: Body, *, text: str = "", is_private: bool = False
    ) -> None:
        """``text``: what the person wrote, to tell their language by. ``is_private``: nobody else sees the reply, as
        nobody sees a refusal."""
        working = asyncio.create_task(self._replied(interaction, name, body, text), name=f"command-{name}")
        try:
            done, _ = await asyncio.wait({working}, timeout=THINKING_AFTER_SECONDS)
            if not done:
                with _telling_of_lost_replies(name):
                    await interaction.response.defer(ephemeral=is_private)
            # Done in any case: a revocation must not depend on whether Discord takes the reply.
            replied = await working
        finally:
            working.cancel()
        if replied is not None:
            caller, reply, is_refusal = replied
            with _telling_of_lost_replies(name):
                await _send(interaction, reply, caller, is_private=is_private or is_refusal)

    async def _replied(
        self, interaction: Interaction, name: str, body: Body, text: str
    ) -> tuple[Caller, Reply, bool] | None:
        """Who used it, the reply, and whether it is a refusal. None: nobody did."""
        caller = await self._caller(interaction, text)
        return None if caller is None else (caller, *await self._answering.reply(name, caller, body))

    async def _caller(self, interaction: Interaction, text: str) -> Caller | None:
        person, guild, channel = interaction.user, interaction.guild, interaction.channel
        if person is None:
            return None
        language = await language_for(
            self.parts.preferences, person.id, text=text, guild=guild, locale=interaction.locale
        )
        where = channel if isinstance(channel, Messageable) else None
        return Caller(interaction.client, person, guild, where, language, interaction.permissions)


@contextlib.contextmanager
def _telling_of_lost_replies(name: str) -> Iterator[None]:
    try:
        yield
    except (nextcord.HTTPException, aiohttp.ClientError) as error:
        logger.bind(success=False).warning("A reply to /{} did not arrive: {}", name, error)


async def _send(interaction: Interaction, reply: Reply, caller: Caller, *, is_private: bool) -> None:
    """Where "is thinking" stands, the reply is as visible as that is."""
    view = reply.view(caller.language)
    await interaction.send(
        reply.text,
        view=view if view is not None else nextcord.utils.MISSING,
        ephemeral=is_private,
        allowed_mentions=nextcord.AllowedMentions.none(),
    )
