"""How a voice channel learns that something went wrong: said by heart, else said by workers, else written.

Event loop only.
"""

from collections.abc import Awaitable, Callable
from typing import Protocol

from bot.voice.agenda import Agenda
from bot.voice.company import Company
from bot.voice.excuses import Excuse, answer_or_excuse, in_words
from bot.voice.manner import Manner
from bot.voice.reply import Opening, Recorded, Reply
from bot.voice.talker import Talk


class MakeReply(Protocol):
    def __call__(self, like: Reply | Talk, source: Opening | Recorded) -> Reply:
        """An excuse, to whom ``like`` is about."""
        ...


class Apologies:
    """One room's. ``write`` is where she writes what she can't say."""

    def __init__(
        self,
        company: Company,
        manner: Manner,
        agenda: Agenda,
        make_reply: MakeReply,
        write: Callable[[str], Awaitable[None]],
    ) -> None:
        self._company = company
        self._manner = manner
        self._agenda = agenda
        self._make_reply = make_reply
        self._write = write

    async def excuse(self, reply: Reply, excuse: Excuse) -> None:
        """Say what went wrong with ``reply``; or the answer itself, if only a voice for it is missing."""
        if excuse.stage == "synthesize" and reply.text and await self._say_by_heart(reply, reply.text):
            self._agenda.drop(reply)
            return
        company, language = self._company, await self._manner.language_for(reply.user_id)
        text = answer_or_excuse(
            excuse, company.head, reply.who.conversation, language, reply.said or "", company.chance
        )
        # In the voice that the server chose, as long as somebody can speak with it.
        keeps_her_voice = excuse.can_be_said and self._manner.server.voice
        if not keeps_her_voice and await self._say_by_heart(reply, text):
            return
        if excuse.can_be_said:
            self._say(self._make_reply(reply, lambda: self._manner.say(reply.who, text)), text)
        else:
            await self._write(text)

    async def not_sent(self, talk: Talk, *, aloud: bool) -> None:
        """What somebody said found no way to the workers."""
        language = await self._manner.language_for(talk.user_id)
        text = in_words(Excuse("not_sent"), language, "", self._company.chance)
        if not (aloud and await self._say_by_heart(talk, text)):
            await self._write(text)

    async def _say_by_heart(self, like: Reply | Talk, text: str) -> bool:
        packets = await self._company.by_heart.sound_of(text)
        if packets:
            self._say(self._make_reply(like, Recorded(packets)), text)
        return bool(packets)

    def _say(self, excuse: Reply, text: str) -> None:
        excuse.text = text
        self._agenda.put_first(excuse)
        self._agenda.advance()
