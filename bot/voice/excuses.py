"""What she says when a turn goes wrong. Pure, but for the phrases' chance."""

import random
from dataclasses import dataclass

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
    """False: what went wrong is what her voice needs, so it has to be written."""


def excuse_for(trouble: Happening | NotSent) -> Excuse | None:
    """None: nothing that people must know."""
    match trouble:
        case NotSent() | Waiting(reason="redis"):
            return Excuse("not_sent", can_be_said=False)
        case Waiting(stage=stage, reason="missing"):
            return Excuse("no_worker", stage, can_be_said=stage != "synthesize")
        case TurnFailed(index=None, stage=stage):
            return Excuse("failed", can_be_said=stage != "synthesize")
        case TurnDropped(reason="late", stage=stage):
            return Excuse("late", can_be_said=stage != "synthesize")
        case _:
            return None


def in_words(excuse: Excuse, language: str, said: str, chance: random.Random | None) -> str:
    """In the language that was chosen, else in that of what was said."""
    spoken = next((known for known in LANGUAGES if known == language), None) or language_of_text(said)
    return phrases().say(excuse.key, spoken, chance, stage=excuse.stage)
