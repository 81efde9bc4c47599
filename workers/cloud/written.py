"""What of a provider's text may reach people: no thoughts, no leaked marks, no loops."""

from typing import Final

from workers.engines import Conversation
from workers.language.reply_text import ReplyText

CHARACTERS_PER_TOKEN_AT_MOST: Final = 12
"""Some providers don't know the limit; none writes longer tokens than this on average."""
_UNSAYABLE: Final = dict.fromkeys((*range(9), 11, 12, *range(14, 32), 127))


class Written:
    """One answer as it grows."""

    def __init__(self, conversation: Conversation) -> None:
        self._text = ReplyText()
        self._left = conversation.max_tokens * CHARACTERS_PER_TOKEN_AT_MOST
        self._half_letter = ""
        self.has_words = False

    @property
    def has_ended(self) -> bool:
        """Nothing sensible will follow: it loops, writes somebody else's message, or doesn't know when to stop."""
        return self._text.has_ended or self._left <= 0

    def feed(self, text: str) -> str:
        """What is certain now."""
        return self._counted(self._text.feed(self._whole_letters(text).encode()))

    def finish(self) -> str:
        """What was held back."""
        return self._counted(self._text.finish())

    def _counted(self, text: str) -> str:
        text = text.translate(_UNSAYABLE)[: max(0, self._left)]
        self._left -= len(text)
        self.has_words = self.has_words or not (not text or text.isspace())
        return text

    def _whole_letters(self, text: str) -> str:
        """JSON may bring one emoji in two halves, even in two events."""
        text = self._half_letter + text
        self._half_letter = ""
        if text and "\ud800" <= text[-1] <= "\udbff":
            text, self._half_letter = text[:-1], text[-1]
        return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "ignore")
