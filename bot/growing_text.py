"""Her words as they appear, put together by whoever shows them."""

from dataclasses import dataclass

from tasks.messages import Words


@dataclass(slots=True)
class GrowingText:
    """One answer so far. A turn that was delivered twice tells some of its words twice."""

    text: str = ""

    def add(self, words: Words) -> str:
        """What there is now behind what there was. Words that come again change nothing; behind words that got lost,
        only the whole answer helps."""
        if words.offset > len(self.text):
            return ""
        before, now = self.text, self.text[: words.offset] + words.text
        if before.startswith(now):
            return ""
        self.text = now
        return now[len(before) :] if before else now.lstrip()
