"""What was said, until it is decided whether it stops her and whether it is answered. Event loop only."""

from collections.abc import Callable
from typing import Final

from bot.turns import LiveTurn
from bot.voice.patience import Patience
from bot.voice.reply import Reply
from bot.voice.talker import Talk


class Undecided:
    """Of one room. A talk has a draft while what was said so far may be all of it, and is being transcribed."""

    def __init__(self, patience: Patience, drop: Callable[[Reply], None]) -> None:
        """``drop`` ends a reply that nobody will want."""
        self.patience: Final = patience
        """How long she waits, for each talk, until what was said is understood."""
        self._drop = drop
        self._drafts: dict[int, Reply] = {}
        """By talk."""
        self._talks: dict[Reply, Talk] = {}

    def talk_of(self, reply: Reply) -> Talk | None:
        """None when it is decided on."""
        return self._talks.get(reply)

    def of(self, user_id: int) -> list[tuple[Reply, Talk]]:
        return [(reply, talk) for reply, talk in self._talks.items() if talk.user_id == user_id]

    def put_draft(self, talk: Talk, reply: Reply) -> None:
        """In place of the one before."""
        self._forget_draft(talk)
        self._drafts[talk.number] = reply
        self._talks[reply] = talk

    def forget_draft(self, talk: Talk) -> None:
        """They went on, or what they said is lost: nothing is waited for."""
        self.patience.stop(talk.number)
        self._forget_draft(talk)

    def _forget_draft(self, talk: Talk) -> None:
        draft = self._drafts.pop(talk.number, None)
        if draft is not None:
            self.give_up(draft)

    def take(self, talk: Talk, live: LiveTurn, reply_to: Callable[[LiveTurn], Reply]) -> Reply:
        """The talk is over: its draft, if ``live`` transcribes that, else a new reply."""
        draft = self._drafts.pop(talk.number, None)
        if draft is not None and draft.live is live:
            return draft
        if draft is not None:
            self.give_up(draft)
        reply = reply_to(live)
        self._talks[reply] = talk
        return reply

    def give_up(self, reply: Reply) -> None:
        self._talks.pop(reply, None)
        self._drop(reply)

    def decide(self, reply: Reply) -> None:
        """It is known what becomes of it."""
        talk = self._talks.pop(reply, None)
        if talk is not None:
            self.patience.stop(talk.number)
