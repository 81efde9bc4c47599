"""What she says when a turn goes wrong. Pure, but for the phrases' chance."""

import random
from dataclasses import dataclass

from bot.foggy_head import FoggyHead
from bot.turns import Happening, Waiting
from config.phrases import LANGUAGES, language_of_text, phrases
from tasks.dispatch import NotSent
from tasks.messages import TurnDropped, TurnFailed


@dataclass(frozen=True, slots=True)
class Excuse:
    key: str
    """Of config/phrases.toml."""
    stage: str = ""
    can_be_said: bool = True
    """False: workers can't say it, for what went wrong is what that needs. It has to be known by heart, or written."""
    is_foggy: bool = False
    """Nobody could think: where it is known what was said, that is answered as well as it goes."""


def excuse_for(trouble: Happening | NotSent) -> Excuse | None:
    """None: nothing that people must know."""
    match trouble:
        case NotSent() | Waiting(reason="redis"):
            return Excuse("not_sent", can_be_said=False, is_foggy=True)
        case Waiting(stage="generate", reason="missing"):
            return Excuse("no_worker", "generate", can_be_said=False, is_foggy=True)
        case Waiting(stage=stage, reason="missing"):
            return Excuse("no_worker", stage, can_be_said=stage != "synthesize")
        case TurnFailed(index=None, stage=stage):
            return Excuse("failed", can_be_said=stage != "synthesize", is_foggy=stage == "generate")
        case TurnDropped(reason="late", stage=stage):
            return Excuse("late", can_be_said=stage != "synthesize")
        case _:
            return None


def in_words(excuse: Excuse, language: str, said: str, chance: random.Random | None) -> str:
    """In the language that was chosen, else in that of what was said."""
    spoken = next((known for known in LANGUAGES if known == language), None) or language_of_text(said)
    return phrases().say(excuse.key, spoken, chance, stage=excuse.stage)


def answer_or_excuse(
    excuse: Excuse, head: FoggyHead, conversation: str, language: str, said: str, chance: random.Random | None
) -> str:
    """What was said is answered without a thought where nobody could think; else ``in_words``."""
    if excuse.is_foggy and said:
        return head.answer(conversation, said, language)
    return in_words(excuse, language, said, chance)
