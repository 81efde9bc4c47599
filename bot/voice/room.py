"""A voice channel in which Priya sits: who is heard, whom she answers, and what happens when people talk over her.

Event loop only, but for ``is_heard``. What she hears is kept in memory as long as an utterance lasts, never on disk.
"""

import asyncio
from collections.abc import Awaitable, Callable
from functools import partial
from typing import Final

import nextcord

from bot.active import TooBusy
from bot.addressing import Addressing, Occasion
from bot.interjections import kind_of
from bot.turns import Happening, LiveTurn, Who
from bot.voice import receive
from bot.voice.agenda import Agenda
from bot.voice.apologies import Apologies
from bot.voice.barge_in import Action, Began, Gone, NotUnderstood, Taken, Typed, Understood, WentOn
from bot.voice.closing import Ended
from bot.voice.company import Company
from bot.voice.excuses import Excuse, excuse_for
from bot.voice.manner import Manner
from bot.voice.patience import Patience
from bot.voice.playback import Player, Speech
from bot.voice.reply import Opening, Recorded, Reply
from bot.voice.talker import Talk, Talker
from bot.voice.undecided import Undecided
from bot.voice.writing import write_in
from tasks.dispatch import NotSent

JUST_HEARD_SECONDS: Final = 1.5
"""So long after her last sound, what somebody says may be meant for it: "bas", when she has just ended."""

type VoicePlace = nextcord.VoiceChannel | nextcord.StageChannel


class VoiceRoom:
    """One joined channel. Is the ears of its connection (bot/voice/client.py), which is made for it and ``seat``ed.

    ``written_in`` is where she writes what she can't say.
    """

    def __init__(
        self,
        channel: VoicePlace,
        company: Company,
        written_in: nextcord.abc.Messageable | None,
        ended: Callable[["VoiceRoom", Ended], None],
    ) -> None:
        self.company: Final = company
        self.player: Player | None = None
        """Her mouth, once she is connected."""
        self.written_in = written_in
        self._channel = channel
        self._whereabouts: Callable[[], VoicePlace] = lambda: channel
        self._ended = ended
        self._manner = Manner(company.turns, company.preferences, channel.guild.id)
        self._agenda = Agenda(lambda: self.player, self._was_answered, self._was_hushed)
        self._apologies = Apologies(company, self._manner, self._agenda, self._excuse_for, self._write)
        self.addressing: Final = Addressing()
        self._talkers: dict[int, Talker] = {}
        self._undecided = Undecided(Patience(company.patience_seconds, self._not_understood), self._agenda.drop)
        self._is_listening = True
        self._has_ended = False

    def seat(self, player: Player, whereabouts: Callable[[], VoicePlace]) -> None:
        """She is connected; ``whereabouts`` tells the channel, which a moderator may change."""
        self.player, self._whereabouts = player, whereabouts
        self._refresh()

    @property
    def channel(self) -> VoicePlace:
        return self._whereabouts()

    @property
    def is_speaking(self) -> bool:
        """She is in the middle of an answer, also while she is silent for somebody."""
        current = self._agenda.current
        return current is not None and current.speech is not None

    @property
    def is_thinking(self) -> bool:
        """She is about to answer, and was not heard yet."""
        return not self._agenda.floor.is_free and not self.is_speaking

    @property
    def people(self) -> int:
        """In the channel, without bots."""
        guild = self.channel.guild
        members = (guild.get_member(user_id) for user_id in self.channel.voice_states if user_id != guild.me.id)
        return sum(member is None or not member.bot for member in members)

    # What others ask of her

    async def say(self, who: Who, text: str) -> None:
        """Say a given text when its turn comes. Raises NotSent."""
        live = await self._manner.say(who, text)
        if self._has_ended:
            await live.cancel()
            raise NotSent("she has left the channel")
        reply = self._reply(who, int(who.id) if who.id.isdecimal() else None, live, is_wanted=True)
        reply.text = text
        self._agenda.add(reply)
        self._want(reply)
        self._agenda.advance()

    async def stop(self) -> bool:
        """Be quiet, and forget what was to be said. False: there was nothing."""
        return self._agenda.hush()

    async def typed(self, who: Who, text: str, *, is_for_her: bool) -> bool:
        """Somebody wrote in the channel's chat, or to her; it counts as if it were said over her. Answering it is the
        caller's. Returns whether it ended her answer, and so wants one, after ``history_settled``."""
        actions = self._agenda.tell(Typed(int(who.id), kind_of(text), is_for_her))
        self._agenda.advance()
        return Action.END in actions

    async def history_settled(self) -> None:
        """Until history keeps what was heard of what was ended, or that takes too long."""
        await self._agenda.settled()

    def forget(self, user_id: int) -> None:
        """Somebody must not be heard any longer."""
        for reply, talk in self._undecided.of(user_id):
            self._lose(talk)
            self._undecided.give_up(reply)
        self._drop(user_id)
        self._agenda.advance()

    async def finish(self) -> None:
        """Listen to nobody any more, and return when she has said all that she was going to say."""
        self._is_listening = False
        for user_id in list(self._talkers):  # whoever is in the middle of a word would keep her silent
            self._drop(user_id)
        self._agenda.advance()
        while not self._agenda.is_empty and not self._has_ended:
            current = self._agenda.current
            await (current.is_over.wait() if current is not None else asyncio.sleep(0.05))

    async def settled(self) -> None:
        """When she has left: until everything is given up, and history keeps what was heard."""
        await self._agenda.idle()

    # Ears

    def is_heard(self, user_id: int) -> bool:
        return self.company.consent.has_agreed(user_id)

    def hear(self, heard: list[receive.Heard]) -> None:
        for piece in heard:
            match piece:
                case receive.Sound(user_id, pcm, told) if self._is_listening and self.is_heard(user_id):
                    self._talker(user_id).feed(pcm, told)
                case receive.Silence(user_id, milliseconds, told) if user_id in self._talkers:
                    self._talkers[user_id].feed_silence(milliseconds, told)
                case receive.Left(user_id):
                    self._drop(user_id)

    def said(self, speech: Speech) -> None:
        self._agenda.spoken(speech)

    def ended(self, why: Ended) -> None:
        if self._has_ended:
            return
        self._has_ended, self._is_listening = True, False
        for user_id in list(self._talkers):
            self._drop(user_id)
        self._agenda.close()
        self._ended(self, why)

    def _talker(self, user_id: int) -> Talker:
        conversation = f"discord:{self.channel.id}"
        talker = self._talkers.get(user_id)
        if talker is not None and talker.who.conversation != conversation:  # she was moved
            self._drop(user_id)
            talker = None
        if talker is None:
            company = self.company
            who = Who(str(user_id), self._name_of(user_id), conversation)
            talker = Talker(user_id, who, self._manner, company.hearing(), company.judge, self)
            self._talkers[user_id] = talker
        return talker

    def _name_of(self, user_id: int) -> str:
        member = self.channel.guild.get_member(user_id)
        return member.display_name if member is not None else "someone"

    def _drop(self, user_id: int) -> None:
        talker = self._talkers.pop(user_id, None)
        if talker is None:
            return
        for talk in talker.leave():
            self._lose(talk)
        self._agenda.spawn(talker.left())

    # TalkersRoom

    def talk_began(self, talk: Talk) -> None:
        self._agenda.tell(Began(talk.number, talk.user_id))
        self._refresh()

    def talk_paused(self, talk: Talk) -> None:
        self._undecided.patience.wait_for(talk.number)

    def talk_speculated(self, talk: Talk, live: LiveTurn) -> None:
        self._undecided.put_draft(talk, self._reply(talk.who, talk.user_id, live))

    def talk_went_on(self, talk: Talk) -> None:
        self._undecided.forget_draft(talk)
        self._agenda.tell(WentOn(talk.number))

    def talk_ended(self, talk: Talk, live: LiveTurn) -> None:
        reply = self._undecided.take(talk, live, partial(self._reply, talk.who, talk.user_id))
        reply.is_taken = True
        self._agenda.add(reply)
        if live.is_committed:
            self._undecided.decide(reply)
            self._agenda.tell(Taken(talk.number))
            self._want(reply)
        elif reply.said is not None:
            self._decide(reply, talk)
        elif reply.is_whole:
            self.reply_whole(reply)
        else:
            self._undecided.patience.wait_for(talk.number)
        self._agenda.advance()

    def talk_lost(self, talk: Talk, cause: NotSent | None) -> None:
        self._lose(talk)
        if cause is not None:
            self._agenda.spawn(self._apologies.not_sent(talk, aloud=self.people <= 1))

    def may_commit(self, talk: Talk) -> bool:
        answers = self._manner.server.answers
        is_for_her = answers == "always" or (answers != "never" and self.people <= 1)
        is_alone = self._agenda.is_empty and self._agenda.floor.began_in_silence(talk.number)
        is_new = not self._agenda.was_heard_within(JUST_HEARD_SECONDS, talk.began_at)
        return is_for_her and is_alone and is_new and self.company.active.has_place

    def _lose(self, talk: Talk) -> None:
        self._undecided.forget_draft(talk)
        self._agenda.tell(Gone(talk.number))

    def _not_understood(self, talk: int) -> None:
        self._agenda.tell(NotUnderstood(talk))

    # Deciding

    def reply_heard(self, reply: Reply) -> None:
        talk = self._undecided.talk_of(reply)
        if talk is not None and not self._has_ended:
            self._decide(reply, talk)
            self._agenda.advance()

    def _decide(self, reply: Reply, talk: Talk) -> None:
        """What was said so far is known: does it stop her, and is it answered?"""
        text = reply.said or ""
        is_for_her = self._is_for_her(talk.user_id, text, talk.began_at)
        self._undecided.patience.stop(talk.number)
        if reply.is_taken:
            self._undecided.decide(reply)
        actions = self._agenda.tell(Understood(talk.number, kind_of(text), is_for_her, reply.is_taken))
        if Action.ANSWER in actions:
            self._answer(reply, talk)
        elif Action.IGNORE in actions:
            self._agenda.forget_unheard(reply.user_id)
            self._agenda.drop(reply)

    def _is_for_her(self, user_id: int, text: str, at: float) -> bool:
        occasion = Occasion(text, user_id, at, self.people)
        return self.addressing.is_addressed(occasion, self._manner.server.answers)

    def _answer(self, reply: Reply, talk: Talk) -> None:
        """Who went on before they heard an answer was cut off by her: both parts are one question."""
        begun = self._agenda.take_unheard(reply.user_id, talk.began_at)
        if begun is None or not begun.said:
            self._want(reply, self._commit)
            return
        text = f"{begun.said} {reply.said}"
        whole = self._reply(reply.who, reply.user_id, lambda: self._read(reply.who, text), is_wanted=True)
        whole.said = text
        if self._agenda.put_in_place_of(reply, whole):
            self._want(whole)

    async def _commit(self, reply: Reply) -> None:
        await self._agenda.settled()
        try:
            await reply.commit()
        except NotSent as cause:
            self.reply_troubled(reply, cause)
            self._agenda.drop(reply)
            self._agenda.advance()

    async def _read(self, who: Who, text: str) -> LiveTurn:
        await self._agenda.settled()
        return await self._manner.read(who, text)

    def _want(self, reply: Reply, begin: Callable[[Reply], Awaitable[None]] | None = None) -> None:
        """``begin`` is what sends it on, once there is a place for it."""
        reply.is_wanted = True
        self._agenda.spawn(self._count(reply, begin))

    def reply_sounds(self, reply: Reply) -> None:
        self._agenda.advance()

    def reply_whole(self, reply: Reply) -> None:
        talk = self._undecided.talk_of(reply)
        if talk is not None and reply.is_taken:  # what was said will never be known
            self._undecided.decide(reply)
            self._agenda.tell(Gone(talk.number))
            self._agenda.drop(reply)
        elif reply.is_wanted and reply.unsaid and not reply.is_excuse:
            self._agenda.spawn(self._write(reply.unsaid, reply.turn_id))
        self._agenda.advance()

    def _was_answered(self, reply: Reply) -> None:
        if reply.user_id is not None and reply.has_sound:
            self.addressing.answered(reply.user_id, asyncio.get_running_loop().time())

    def _was_hushed(self, reply: Reply) -> None:
        talk = self._undecided.talk_of(reply)
        if talk is not None:
            self._undecided.decide(reply)
            self._agenda.tell(Gone(talk.number))

    async def _count(self, reply: Reply, begin: Callable[[Reply], Awaitable[None]] | None) -> None:
        """One turn of this process, as long as it takes. One that is heard already has a place of its own accord."""
        try:
            async with self.company.active.turn() as outcome:
                if begin is not None:
                    await begin(reply)
                await reply.is_over.wait()
                outcome.has_failed = reply.has_failed
        except TooBusy:
            if reply.has_sound:
                return
            self._agenda.drop(reply)
            await self._apologies.excuse(reply, Excuse("not_sent"))
        except asyncio.CancelledError:  # the process ends
            self._agenda.drop(reply)
            raise
        self._agenda.advance()

    # When something goes wrong

    def reply_troubled(self, reply: Reply, trouble: Happening | NotSent) -> None:
        excuse = excuse_for(trouble)
        if excuse is None or reply.is_excused or not reply.is_taken or not (reply.is_wanted or self.people <= 1):
            return
        reply.is_excused = True
        if reply.is_excuse:
            self._agenda.spawn(self._write(reply.text))
            self._agenda.drop(reply)
            self._agenda.advance()
        else:
            self._agenda.spawn(self._apologies.excuse(reply, excuse))

    def _excuse_for(self, like: Reply | Talk, source: Opening | Recorded) -> Reply:
        return self._reply(like.who, like.user_id, source, is_excuse=True)

    async def _write(self, text: str, turn_id: str = "") -> None:
        await write_in(self.written_in or self.channel, text, turn_id)

    def _refresh(self) -> None:
        self._agenda.spawn(self._manner.refresh())

    def _reply(
        self,
        who: Who,
        user_id: int | None,
        source: LiveTurn | Opening | Recorded,
        *,
        is_wanted: bool = False,
        is_excuse: bool = False,
    ) -> Reply:
        return Reply(who, user_id, source, self.company.turns, self, is_wanted=is_wanted, is_excuse=is_excuse)
