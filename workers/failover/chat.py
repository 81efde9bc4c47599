"""Failover for language: a ChatModel that holds others. Nothing upstream knows that it exists.

Whoever dies after words were spoken is followed by another that goes on from them; if nobody can, one short apology
ends the answer.
"""

import math
from collections import Counter
from collections.abc import Generator, Sequence
from contextlib import closing
from dataclasses import replace
from functools import partial
from typing import Final

from loguru import logger

from workers.engines import ChatModel, Conversation, Delta
from workers.errors import NoWords
from workers.failover.race import Broke, Lost, Race
from workers.failover.roster import Roster
from workers.failover.seam import Seam, is_over, whole_words
from workers.lineup import NoEngine

ALIVE: Final = Delta("", "")
MOST_BREAKS: Final = 2
"""How often one engine may break in one answer before it is not asked again."""
HEAD_START_IN_THE_MIDDLE_SECONDS: Final = 0.4
"""Whoever listens sits in silence already: several that hang one behind the other must not add up."""


def has_words(delta: Delta) -> bool:
    """Whether it is worth to answer with."""
    return any(letter.isalnum() for letter in delta.text)


def has_news(said: str, made: Sequence[Delta], is_all: bool) -> bool:
    """Whether there are words in it behind ``said``, which models may begin by repeating. Whoever falls silent in the
    middle of that has not won: the next one is asked while it is waited for. Whoever ends behind it has: there was
    nothing more to say."""
    if is_all:
        return any(map(has_words, made))
    text = "".join(delta.text for delta in made)
    return has_words(Delta(Seam(said).feed(text), ""))


class FailoverChat:
    """ChatModel over a roster. Any thread."""

    name = "failover"

    def __init__(self, roster: Roster[Conversation, Delta], last_resort: ChatModel | None = None) -> None:
        """``last_resort`` answers when nobody else can."""
        self._roster = roster
        self._last_resort = last_resort

    def reply(self, conversation: Conversation) -> Generator[Delta]:
        """See ChatModel. Raises BadInput when no engine can help, NoEngine when all failed and there is no last
        resort."""
        said = conversation.answer_so_far
        breaks: Counter[str] = Counter()
        while True:
            seam = Seam(said)
            try:
                for delta in self._race(replace(conversation, answer_so_far=whole_words(said)), said, breaks):
                    text = seam.feed(delta.text)
                    said += text
                    yield Delta(text, delta.engine) if text else ALIVE
                yield Delta(seam.finish(), "")
            except Broke as broke:
                breaks[broke.engine] += 1
                self._log("Going on with another engine: {}", broke.error)
            except Lost as lost:
                told = [cause for cause in lost.causes if isinstance(cause, NoWords) or cause.engine not in breaks]
                if said and is_over(said) and {type(cause) for cause in told} == {NoWords}:
                    return  # whoever broke had said all that there was to say
                yield from self._give_up(replace(conversation, answer_so_far=said), lost)
                return
            else:
                return

    def _race(self, conversation: Conversation, said: str, breaks: Counter[str]) -> Generator[Delta]:
        """Who broke once goes on only when nobody else who is well can."""
        race = Race(
            self._roster.line([engine for engine, count in breaks.items() if count >= MOST_BREAKS], list(breaks)),
            conversation,
            is_usable=partial(has_news, said),
            longest_head_start_seconds=HEAD_START_IN_THE_MIDDLE_SECONDS if breaks else math.inf,
        )
        with closing(race.run()) as deltas:
            for delta in deltas:
                yield delta or ALIVE

    def _give_up(self, conversation: Conversation, lost: Lost) -> Generator[Delta]:
        if self._last_resort is None:
            raise NoEngine("generate", str(lost))
        self._log("Nobody can answer: {}", lost)
        yield from self._last_resort.reply(conversation)

    def _log(self, text: str, cause: object) -> None:
        logger.bind(stage="generate", success=False).warning(text, cause)
