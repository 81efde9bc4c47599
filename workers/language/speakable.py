"""Turn written text into what a voice can say: no markdown, emoji, addresses, code, stage directions or faces."""

import re
import unicodedata
from typing import Final

CODE: Final = re.compile(r"```.*?(?:```|$)", re.DOTALL)
INLINE_CODE: Final = re.compile(r"`([^`\n]*)`")
IMAGE_OR_LINK: Final = re.compile(r"!?\[([^\]\n]*)\]\([^)\s]*\)")
ADDRESS: Final = re.compile(r"(?:https?://|www\.)[^\s<>]*[^\s<>.,;:!?)\]}'\"”’।]", re.IGNORECASE)
MENTION: Final = re.compile(r"<(?:@[!&]?|#|a?:\w+:)\d+>")
TAG: Final = re.compile(r"</?[a-zA-Z][^<>\n]{0,80}>")
LINE_MARK: Final = re.compile(r"^[ \t]*(?:#{1,6}\s+|>+\s*|[-*+•]\s+|(?:[-*_]\s*){3,}$)", re.MULTILINE)
EMPHASIS: Final = re.compile(r"(\*{2,3}|_{2,3}|~~|\|\|)(?=\S)(.+?)(?<=\S)\1", re.DOTALL)
STARRED: Final = re.compile(r"(?<![\w*])([*_])(?=[^\s*_])([^*_\n]{1,120}?)(?<=\S)\1(?![\w*])")
ACTION: Final = re.compile(
    r"(?:(?:soft|gent|quiet|playful|nervous|slow|warm|teasing)ly\s+)?(?:laugh|smile|giggle|sigh|wink|grin|blush|nod|hug|chuckle"
    r"|gasp|shrug|pout|smirk|cry|cries|yawn|wave|roll|lean|look|clap|tilt|raise|blink|whisper|pause|think|hum|sing"
    r"|dance|jump|run|sit|stand|take|put|give|send|poke|pat|facepalm|snort|sniff|tease|squeal|throw|shake)"
    r"(?:s|es|ing|ning|ting|ging|ping)?\b(?:.*)",
    re.IGNORECASE | re.DOTALL,
)
FACE: Final = re.compile(
    r"¯\\_\(ツ\)_/¯|<3+(?!\w)|(?<![\w:])(?:[:;=]['’]?-?[)(DPpOo|/\\]+|[:;]-?3|[xX]D+|\^[_.\-]?\^|>[_.]{1,3}<"
    r"|([TtQoOuU;\-])[_.]{1,3}\1)(?!\w)"
)
"""Faces made of ASCII: ``:)``, ``;-P``, ``xD``, ``^_^``, ``T_T``, and a heart."""
BRACKETED: Final = re.compile(r"\(([^()\n]{1,120})\)|\[([^\[\]\n]{1,120})\]")
LEFTOVER_MARK: Final = re.compile(r"[*_~`#<>^{}\[\]\\]+")
SPACES: Final = re.compile(r"\s+")
SPACE_BEFORE_MARK: Final = re.compile(r"\s+([,.!?;:।…])")
KEPT_SYMBOLS: Final = frozenset("°")
EMOJI_PARTS: Final = frozenset("\ufe0e\ufe0f\u20e3")
JOINER: Final = "\u200d"


def speakable(text: str) -> str:
    """``text`` as one line of plain words and punctuation; empty when there is nothing to say."""
    for pattern, replacement in (
        (CODE, " "),
        (IMAGE_OR_LINK, r"\1"),
        (ADDRESS, "link"),
        (MENTION, " "),
        (FACE, " "),
        (TAG, " "),
        (LINE_MARK, ""),
        (INLINE_CODE, r"\1"),
        (EMPHASIS, r"\2"),
    ):
        text = pattern.sub(replacement, text)
    text = STARRED.sub(_unless_action, text)
    text = BRACKETED.sub(_unless_face_or_action, text)
    text = _without_pictures(text)
    text = LEFTOVER_MARK.sub(" ", text.replace("|", ", "))
    text = SPACE_BEFORE_MARK.sub(r"\1", SPACES.sub(" ", text)).strip()
    return text if any(letter.isalnum() for letter in text) else ""


def _unless_action(found: re.Match[str]) -> str:
    """``*laughs*`` is done, not said; ``*really*`` is said louder."""
    return " " if ACTION.fullmatch(found[2]) and _is_third_person(found[2]) else found[2]


def _is_third_person(words: str) -> bool:
    return any(word.lower().endswith(("s", "ing")) for word in words.split()[:2])


def _unless_face_or_action(found: re.Match[str]) -> str:
    """``(¬‿¬)`` is a face and ``(laughs)`` is done; ``(yes)`` and ``(हाँ)`` are words."""
    inside = found[1] or found[2]
    is_face = not any(letter.isalnum() and letter != "ツ" for letter in inside)
    is_action = ACTION.fullmatch(inside) is not None and _is_third_person(inside)
    return " " if is_face or is_action else found[0]


def _without_pictures(text: str) -> str:
    kept: list[str] = []
    after_picture = False
    for letter in text:
        is_picture = _is_picture(letter) or (letter == JOINER and after_picture)
        # A space stands for the picture, so that the words around it don't grow together.
        kept.append(" " if is_picture else letter)
        after_picture = is_picture
    return "".join(kept)


def _is_picture(letter: str) -> bool:
    if letter in EMOJI_PARTS or "\U0001f3fb" <= letter <= "\U0001f3ff" or "\U000e0020" <= letter <= "\U000e007f":
        return True
    return unicodedata.category(letter) == "So" and letter not in KEPT_SYMBOLS
