"""Follow one turn and write what becomes of it. Knows turns and posts, but nothing of Discord."""

import asyncio
import contextlib
from dataclasses import dataclass, field
from typing import Final, Protocol

from loguru import logger
from redis.exceptions import RedisError

from bot.growing_text import GrowingText
from bot.text.posting import Post
from bot.text.writing import CannotWrite
from bot.turns import Happening, LiveTurn, Waiting
from tasks.messages import Heard, ReplyEnded, TurnDropped, TurnFailed, Words

LAST_WORDS_SECONDS: Final = 0.7
"""What is left of a process's end to say that an answer breaks off (see ``ActiveTurns.drain``)."""
KEEP_SECONDS: Final = 1.0
"""A person waits to be told that she can't write."""


class Voice(Protocol):
    """How Priya says a thing herself, in the language of the person (see config/phrases.py)."""

    def __call__(self, key: str, **fields: object) -> str: ...

    def without_thought(self, said: str) -> str:
        """An answer to ``said`` when nobody can think of one (see config/emergency.py)."""
        ...

    def breaking_off(self, so_far: str) -> str:
        """How she ends an answer that can't go on; empty when she has said so."""
        ...


@dataclass(slots=True)
class Draft:
    """The answer as it grows."""

    intro: str = ""
    """What she says before it."""
    said: str = ""
    """What it answers, as soon as that is known."""
    words: GrowingText = field(default_factory=GrowingText)
    notice: str = ""
    """What she says instead of it while there is nothing of it."""
    without_thought: str = ""
    """What she answers as long as nobody can think."""

    @property
    def text(self) -> str:
        return "\n\n".join(part for part in (self.intro, self.words.text.strip() or self.notice) if part)


async def write_answer(live: LiveTurn, post: Post, voice: Voice, intro: str = "", said: str = "") -> bool:
    """Write the answer of ``live`` while it grows. Returns whether it was answered. When it isn't, that is told
    behind what there is. ``said`` is what is asked, if it was typed.

    Raises CannotWrite, with the turn cancelled; cancelled itself, it says that this is all. In both cases history keeps
    what can be read."""
    draft = Draft(intro, said)
    if intro:
        post.show(draft.text)
    is_answered: bool | None = None
    watch = asyncio.create_task(_cancel_when_unwritable(live, post), name=f"watch-{live.turn.id}")
    try:
        async for happening in live.follow():
            ended = _take(happening, draft, voice)
            is_answered = is_answered if ended is None else ended
            if is_answered is not None:
                await live.cancel()  # nobody listens to a typed answer; follow() ends here
            elif draft.text:
                post.show(draft.text)
        await post.finish(draft.text)
    except asyncio.CancelledError:
        await _break_off(live, post, draft, voice)
        raise
    except CannotWrite as error:
        await live.cancel()
        await _keep_read(live, "" if error.reason == "gone" else _words_that_stand(post, draft))
        raise
    except BaseException:
        await live.cancel()
        raise
    finally:
        watch.cancel()
    return bool(is_answered)


async def _break_off(live: LiveTurn, post: Post, draft: Draft, voice: Voice) -> None:
    """The process ends, and nobody goes on with this answer: all that is to be done for it at once, for Redis or
    Discord may be silent."""
    words = draft.words.text.strip()
    if not live.progress.is_over:
        draft.notice = "" if words else voice("failed")
        _fail(draft, voice.breaking_off(words) if words else "")
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(LAST_WORDS_SECONDS):
            await asyncio.gather(
                post.finish(draft.text), live.cancel(), _keep_read(live, words), return_exceptions=True
            )


def _words_that_stand(post: Post, draft: Draft) -> str:
    standing = post.standing.removeprefix(draft.intro).strip()
    return standing if draft.words.text.strip() and standing != draft.notice else ""


async def _keep_read(live: LiveTurn, words: str) -> None:
    try:
        async with asyncio.timeout(KEEP_SECONDS):
            await live.keep_heard(words)
    except (RedisError, TimeoutError) as error:
        logger.bind(turn=live.turn.id, success=False).warning("History keeps more than could be read: {!r}", error)


async def _cancel_when_unwritable(live: LiveTurn, post: Post) -> None:
    """Nobody needs to go on thinking about what can't be read."""
    await post.has_failed.wait()
    await live.cancel()


def _take(happening: Happening, draft: Draft, voice: Voice) -> bool | None:
    """Whether the turn ended well; None while it goes on."""
    match happening:
        case Heard():
            draft.said = happening.text
        case Words():
            draft.words.add(happening)
        case Waiting(reason="missing" | "redis") if draft.said and happening.stage == "generate":
            draft.notice = _unanswered(draft, voice)
        case Waiting(reason="missing"):
            draft.notice = voice("no_worker", stage=happening.stage)
        case Waiting():
            draft.notice = draft.notice or voice("slow")
        case ReplyEnded():
            draft.words.text = happening.text or draft.words.text
            draft.notice = "" if draft.words.text.strip() else _unanswered(draft, voice)
            return bool(draft.words.text.strip())
        case TurnFailed(index=None, stage="generate"):
            return _fail(
                draft, voice.breaking_off(draft.words.text) if draft.words.text.strip() else _unanswered(draft, voice)
            )
        case TurnFailed(index=None):
            return _fail(draft, voice("failed"))
        case TurnDropped(reason="cancelled"):
            return False
        case TurnDropped(reason=reason):
            return _fail(draft, voice("nothing_heard" if reason == "nothing-heard" else "late"))
    return None


def _unanswered(draft: Draft, voice: Voice) -> str:
    """What she answers without a thought, the same throughout a turn."""
    if draft.said and not draft.without_thought:
        draft.without_thought = voice.without_thought(draft.said)
    return draft.without_thought or voice("failed")


def _fail(draft: Draft, excuse: str) -> bool:
    draft.words.text = "\n\n".join(part for part in (draft.words.text.strip(), excuse) if part)
    return False
