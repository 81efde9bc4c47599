"""The very tokens in which a model wrote its answers, so that a later prompt repeats them and not other spellings.

A text has many tokenizations, and the one that a model wrote is often not the one that its tokenizer would choose.
A prompt with other tokens than the cache holds is read again from there: 50 to 200 ms of a turn, once in three.
"""

from array import array
from collections import OrderedDict, deque
from collections.abc import Sequence
from threading import Lock
from typing import Final

from workers.language.emotion_tags import FeltText
from workers.language.native import NativeModel, Token

KEPT_CONVERSATIONS: Final = 64
KEPT_ANSWERS: Final = 48
"""Of one conversation: more than its history has turns."""
WORTH_KEEPING: Final = 2
"""Tokens that must be the same from the beginning; fewer say nothing about whose answer it is."""
LONGEST_TAG: Final = 42
"""Tokens in a hidden tag, if each is a letter."""
WHITE_SPACE: Final = b" \t\n\r\x0b\x0c"


class OwnWords:
    """What was written in the last conversations. Thread-safe."""

    def __init__(self, model: NativeModel) -> None:
        self._model = model
        self._lock = Lock()
        self._answers: OrderedDict[str, deque[array[int]]] = OrderedDict()

    def remember(self, conversation: str, tokens: Sequence[Token]) -> None:
        """Keep an answer, or as much of it as was written before it was broken off."""
        if len(tokens) < WORTH_KEEPING:
            return
        with self._lock:
            answers = self._answers.setdefault(conversation, deque(maxlen=KEPT_ANSWERS))
            answers.append(array("i", tokens))
            self._answers.move_to_end(conversation)
            if len(self._answers) > KEPT_CONVERSATIONS:
                self._answers.popitem(last=False)

    def tokens_of(self, conversation: str, answer: str) -> list[Token] | None:
        """``answer`` in the tokens that wrote it, None if it is none of ours.

        White space is not compared: what is remembered as text was cut into sentences and put together again. The
        answer may have been cut short, by who interrupted it; what no whole token stands for is tokenized anew.
        """
        with self._lock:
            candidates = [list(tokens) for tokens in self._answers.get(conversation, ())]
        wanted = _dense(answer.encode())
        beginnings = (self._beginning(tokens, wanted) for tokens in candidates)
        own, covered = max(beginnings, key=lambda beginning: beginning[1], default=([], 0))
        if len(own) < WORTH_KEEPING:
            return None
        rest = _behind(answer, covered)
        return own + self._model.tokenize(rest) if rest else own

    def _beginning(self, tokens: Sequence[Token], wanted: bytes) -> tuple[list[Token], int]:
        """The tokens from the beginning that ``wanted`` has too, and how many of its bytes they are."""
        at = covered = kept = bytes_kept = 0
        while at < len(tokens) and covered < len(wanted):
            piece = _dense(self._model.piece(tokens[at]))
            if wanted.startswith(piece, covered):
                at += 1
                covered += len(piece)
                if _begins_character(wanted, covered):
                    kept, bytes_kept = at, covered
            elif tag := self._tag_length(tokens[at : at + LONGEST_TAG]):
                at += tag
            else:
                break
        return list(tokens[:kept]), bytes_kept

    def _tag_length(self, tokens: Sequence[Token]) -> int:
        """How many of the first tokens are the hidden tag of an emotion, which the remembered text is without; 0 when
        none is there or when its last token is part of a word too. The model sees the tags that it wrote again."""
        if tokens and _dense(self._model.piece(tokens[0]))[:1].isalnum():
            return 0
        raw = b""
        for count, token in enumerate(tokens, start=1):
            raw += self._model.piece(token)
            if b"]" in raw:
                return count if _is_tag(raw.decode(errors="replace")) else 0
        return 0


def _dense(raw: bytes) -> bytes:
    return raw.translate(None, WHITE_SPACE)


def _is_tag(text: str) -> bool:
    felt = FeltText()
    return not (felt.feed(text) + felt.finish()).strip()


def _begins_character(raw: bytes, at: int) -> bool:
    return at == len(raw) or raw[at] & 0xC0 != 0x80


def _behind(text: str, dense_bytes: int) -> str:
    """What of ``text`` lies behind its first so many bytes that are not white space, the space before it included."""
    left = dense_bytes
    for at, letter in enumerate(text):
        if left == 0:
            return text[at:]
        left -= len(_dense(letter.encode()))
    return ""
