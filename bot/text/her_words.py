"""What she says herself to one person in a text channel, in their language."""

import random
from dataclasses import dataclass

from bot.foggy_head import FoggyHead
from config.phrases import Language, phrases


@dataclass(frozen=True, slots=True)
class HerWords:
    """A ``Voice`` (bot/text/answering.py)."""

    conversation: str
    language: Language
    """Of the notices."""
    chosen: Language | None
    """By this person, or for this server; None: the answer follows what was said."""
    head: FoggyHead
    chance: random.Random | None

    def __call__(self, key: str, **fields: object) -> str:
        return phrases().say(key, self.language, self.chance, **fields)

    def without_thought(self, said: str) -> str:
        return self.head.answer(self.conversation, said, self.chosen or "")

    def breaking_off(self, so_far: str) -> str:
        return self.head.excuse(so_far, self.chosen or "")
