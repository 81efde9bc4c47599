"""Turn a model's tokens into the text of an answer: whole characters, no thoughts, no leaked roles, no loops."""

import codecs
import math
import re
from typing import Final

STOPS: Final = (
    "<|im_start|>", "<|im_end|>", "<|user|>", "<|assistant|>", "<|system|>", "<|eot_id|>", "<|start_header_id|>",
    "<|end|>", "<|endoftext|>", "<|channel|>", "</s>", "<end_of_turn>", "<start_of_turn>", "[INST]", "[/INST]",
    "\nUser:", "\nuser:", "\nHuman:", "\nAssistant:", "\nassistant:", "\nuser\n", "\nassistant\n", "\nSystem:",
    "\n### ",
)  # fmt: skip
"""Marks of a next message, which weak models write as plain text. The answer ends before them."""
THOUGHT_BEGINS: Final = "<think>"
THOUGHTS: Final = {
    THOUGHT_BEGINS: "</think>",
    "<thinking>": "</thinking>",
    "<thought>": "</thought>",
    "[THINK]": "[/THINK]",
}
"""How models begin what is not for people, and how they end it."""
LOOP_PERIODS: Final = range(1, 81)
"""Characters of what may come again and again."""
LOOP_TIMES: Final = 4
LONGEST_LOOP: Final = 48
"""Characters of the same thing again and again that are still laughter."""
LOOKED_AT: Final = LOOP_PERIODS[-1] * LOOP_TIMES
TERMINALS: Final = frozenset(".!?।\n")
SENTENCE: Final = re.compile(r"[^.!?।\n]+[.!?।\n]+")
REPEATED_LETTERS: Final = 15
"""Shorter sentences ("Haan!") may come again."""


class ReplyText:
    """One answer as it grows. ``goes_on`` when it continues a text that was said already."""

    def __init__(self, *, swallow_space: bool = True) -> None:
        self._decoder = codecs.getincrementaldecoder("utf-8")("ignore")
        self._pending = ""
        self._swallows_space = swallow_space
        self._thought_ends = ""
        """While it thinks, the mark that ends that."""
        self._before_thought = ""
        self._recent = ""
        self._sentences: dict[str, int] = {}
        self._sentence = ""
        self.has_ended = False

    def feed(self, raw: bytes) -> str:
        """The text that is certain now. Sets ``has_ended`` when nothing sensible will follow."""
        if self.has_ended:
            return ""
        self._pending += self._decoder.decode(raw)
        self._leave_thoughts_out()
        if self._thought_ends:
            return ""
        stop = min((at for at in map(self._pending.find, STOPS) if at >= 0), default=None)
        if stop is not None:
            self.has_ended = True
            return self._release(stop).rstrip()
        return self._release(len(self._pending) - self._length_of_possible_mark())

    def finish(self) -> str:
        """What was held back in case it became a mark."""
        if self.has_ended or self._thought_ends:
            return ""
        self._pending += self._decoder.decode(b"", final=True)
        self.has_ended = True
        return self._release(len(self._pending))

    def _release(self, count: int) -> str:
        text, self._pending = self._pending[:count], self._pending[count:]
        if self._swallows_space:
            text = text.lstrip()
            self._swallows_space = not text
        if text and self._is_loop(text):
            self.has_ended = True
        return text

    def _leave_thoughts_out(self) -> None:
        while True:
            if self._thought_ends:
                _, mark, after = self._pending.partition(self._thought_ends)
                if not mark:
                    self._pending = self._pending[-len(self._thought_ends) :]
                    return
                self._pending, self._thought_ends = self._before_thought + after.lstrip(), ""
            begun = [(at, mark) for mark in THOUGHTS if (at := self._pending.find(mark)) >= 0]
            if not begun:
                return
            at, mark = min(begun)
            self._before_thought, self._pending = self._pending[:at], self._pending[at + len(mark) :]
            self._thought_ends = THOUGHTS[mark]

    def _length_of_possible_mark(self) -> int:
        """How much of the end may be the beginning of a mark."""
        marks = (*STOPS, *THOUGHTS)
        longest = min(len(self._pending), max(map(len, marks)) - 1)
        for length in range(longest, 0, -1):
            if any(mark.startswith(self._pending[-length:]) for mark in marks):
                return length
        return 0

    def _is_loop(self, text: str) -> bool:
        """Whether ``text`` makes the answer say the same thing again and again, as small models do."""
        self._recent = (self._recent + text)[-LOOKED_AT:]
        if _repeats_itself(self._recent.rstrip()):
            return True
        self._sentence += text
        if not TERMINALS.intersection(text):
            return False  # the same as before, and no end to be looked for in a long one at every token
        for found in SENTENCE.findall(self._sentence):
            letters = "".join(letter for letter in found.lower() if letter.isalnum())
            if len(letters) < REPEATED_LETTERS:
                continue
            self._sentences[letters] = self._sentences.get(letters, 0) + 1
        self._sentence = SENTENCE.sub("", self._sentence)
        return any(count > 1 for count in self._sentences.values())


def _repeats_itself(text: str) -> bool:
    times = ((period, max(LOOP_TIMES, math.ceil(LONGEST_LOOP / period))) for period in LOOP_PERIODS)
    return any(text.endswith(text[-period:] * count) for period, count in times if len(text) >= period * count)
