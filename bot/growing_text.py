"""Her words as they appear, put together by whoever shows them."""

from dataclasses import dataclass

from tasks.messages import Words

CORRECTION = "... "
"""Before another ending than the one that was shown, where what was shown can't be taken back."""


@dataclass(slots=True)
class GrowingText:
    """The answer of one turn so far; words of another turn begin it anew. A turn that was delivered twice tells some of
    its words twice."""

    text: str = ""
    turn: str = ""

    def add(self, words: Words) -> str:
        """What to show behind what was shown. Words that come again change nothing; behind words that got lost, only
        the whole answer helps."""
        if words.turn.id != self.turn:
            self.text, self.turn = "", words.turn.id
        if words.offset > len(self.text):
            return ""
        before, now = self.text, self.text[: words.offset] + words.text
        if before.startswith(now):
            return ""
        self.text = now
        return _behind(before, now) if before else now.lstrip()


def _behind(before: str, now: str) -> str:
    """What of ``now`` was not shown with ``before``; between words any white space is as good as another."""
    if now.startswith(before):
        return now[len(before) :]
    shown = "".join(before.split())
    seen = 0
    for at, letter in enumerate(now):
        if letter.isspace():
            continue
        if seen == len(shown):
            return now[at - 1 :] if now[at - 1].isspace() else now[at:]
        if letter != shown[seen]:
            return CORRECTION + now[_word_begins(now, at) :]
        seen += 1
    return ""


def _word_begins(text: str, at: int) -> int:
    while at and not text[at - 1].isspace():
        at -= 1
    return at
