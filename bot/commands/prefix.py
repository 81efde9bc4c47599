"""The door for commands written as text: ``!join``, or ``@Priya !join``. What follows the name is its one argument."""

import difflib
import unicodedata
from functools import partial
from typing import Any, Final

import nextcord
from loguru import logger
from nextcord.ext import commands

from bot.commands import choosing, health, status, talking
from bot.commands.answering import Answering
from bot.commands.caller import LONGEST_MESSAGE, Body, Caller, Person, Reply, language_for, permissions_of
from bot.parts import Parts
from config.phrases import phrases

PREFIX: Final = "!"
LONGEST_NAME: Final = 20
"""Characters of an unknown command that are repeated to its writer."""

type Context = commands.Context[Any]


class PrefixCommands(commands.Cog):
    """One method a command, and the body it stands for: the same as of its slash twin."""

    def __init__(self, parts: Parts, answering: Answering) -> None:
        self.parts: Final = parts
        self._answering = answering

    @commands.command(name="join")
    async def join(self, context: Context) -> None:
        await self._answer(context, partial(talking.join, parts=self.parts))

    @commands.command(name="leave")
    async def leave(self, context: Context) -> None:
        await self._answer(context, partial(talking.leave, parts=self.parts))

    @commands.command(name="talk")
    async def talk(self, context: Context, *, text: str = "") -> None:
        await self._answer(context, partial(talking.talk, parts=self.parts, text=text), text=text)

    @commands.command(name="stop")
    async def stop(self, context: Context) -> None:
        await self._answer(context, partial(talking.stop, parts=self.parts))

    @commands.command(name="voice")
    async def voice(self, context: Context, *, name: str = "") -> None:
        await self._answer(context, partial(choosing.voice, parts=self.parts, name=name))

    @commands.command(name="language")
    async def language(self, context: Context, *, name: str = "") -> None:
        await self._answer(context, partial(choosing.language, parts=self.parts, name=name))

    @commands.command(name="consent")
    async def consent(self, context: Context, *, choice: str = "") -> None:
        await self._answer(context, partial(choosing.consent, parts=self.parts, choice=choice))

    @commands.command(name="answers")
    async def answers(self, context: Context, *, when: str = "") -> None:
        await self._answer(context, partial(choosing.answers, parts=self.parts, when=when))

    @commands.command(name="status")
    async def status(self, context: Context) -> None:
        await self._answer(context, partial(status.status, parts=self.parts))

    @commands.command(name="health")
    async def health(self, context: Context) -> None:
        await self._answer(context, partial(health.health, parts=self.parts))

    @commands.command(name="help")
    async def help(self, context: Context) -> None:
        await self._answer(context, status.help_)

    @commands.Cog.listener()
    async def on_command_error(self, context: Context, error: commands.CommandError) -> None:
        """A message could not be made a command of, or one of ours broke outside of its body."""
        caller = await self._caller(context, context.message.content)
        match error:
            case commands.CommandNotFound():
                if reply := unknown(caller, context.invoked_with or ""):
                    await _send(context, reply, caller)
            case _:
                logger.opt(exception=error).bind(success=False).error("The command {} broke", context.invoked_with)
                await _send(context, caller.answer("error"), caller)

    async def _answer(self, context: Context, body: Body, *, text: str = "") -> None:
        caller = await self._caller(context, text)
        name = context.command.name if context.command is not None else ""
        reply, _ = await self._answering.reply(name, caller, body)
        await _send(context, reply, caller)

    async def _caller(self, context: Context, text: str) -> Caller:
        guild, person = context.guild, context.author
        locale = guild.preferred_locale if guild is not None else ""
        language = await language_for(self.parts.preferences, person.id, text=text, guild=guild, locale=locale)
        return Caller(context.bot, person, guild, context.channel, language, permissions_of(person))


def unknown(caller: Caller, name: str) -> Reply | None:
    """What she says to a command that isn't one; nothing to what is no word ("!!!", "!?")."""
    if not all(unicodedata.category(letter)[0] in "LM" for letter in name):
        return None
    near = difflib.get_close_matches(name.lower(), status.NAMES, n=1)
    told = f"{PREFIX}{name[:LONGEST_NAME]}"
    if near:
        return caller.answer("unknown_command_guess", command=told, guess=f"{PREFIX}{near[0]}")
    return caller.answer("unknown_command", command=told)


async def _send(context: Context, reply: Reply, caller: Caller) -> None:
    """Under the message; beside it where she may not reply; directly to who wrote it where she may not write."""
    silent = nextcord.AllowedMentions.none()
    reference: nextcord.MessageReference | None = context.message.to_reference(fail_if_not_exists=False)
    while True:
        try:
            view = reply.view(caller.language)
            await context.send(reply.text, view=view, reference=reference, allowed_mentions=silent)
        except nextcord.Forbidden:
            if reference is not None:  # replying needs one more permission than writing
                reference = None
                continue
            excuse = phrases().say("cannot_write", caller.language)
            await _send_directly(context.author, f"{excuse}\n{reply.text}"[:LONGEST_MESSAGE], view)
        except nextcord.HTTPException as error:
            logger.bind(success=False).warning("A reply to {} did not arrive: {}", context.invoked_with, error)
        return


async def _send_directly(person: Person, text: str, view: nextcord.ui.View | None) -> None:
    try:
        await person.send(text, view=view, allowed_mentions=nextcord.AllowedMentions.none())
    except nextcord.HTTPException as error:
        logger.bind(success=False).warning("Nowhere to answer a command: {}", error)
