"""Names of models rot: notice that one is gone, and find what comes closest to it among those that are there.

Pure: whoever knows the provider asks for the list.
"""

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from config.providers import ChatProvider

_GONE: Final = re.compile(
    r"model_?(not_?(found|available|supported|exist)|decommissioned|deprecated|retired)|invalid_?model|unknown_?model"
    r"|no such model|unsupported model|model not exist|not a valid model|invalid model|unknown model"
    r"|models?\b[^.]{0,120}?\b(not found|not exist|doesn't exist|decommissioned|deprecated|retired|no longer"
    r"|not available|is not supported|end of life|unavailable|sunset)|no endpoints found|unable to access .{0,20}model"
)
_NOT_CHAT: Final = re.compile(
    r"embed|whisper|tts|speech|audio|voice|transcri|image|imagen|dall|flux|diffusion|sdxl|video|veo|sora|rerank|guard"
    r"|moderat|safety|ocr|classif|reward|bge|gte-|e5-|clip|realtime|-live|parakeet|canary|orpheus|playai|lyria|aqa"
    r"|robotics|computer-use|deep-research|translat|davinci|babbage|music|nougat|retriever|parse|detect"
)
_SLOW_TO_SPEAK: Final = re.compile(
    r"think|reason|\br1\b|\bqwq\b|(^|/)o\d|-pro\b|max\b|opus|ultra|research|compound|search"
)
_OTHER_TRADE: Final = re.compile(r"cod(e|er|estral|ex)|math|devstral|vision|\bvl\b|base\b|swe|agent|saba|med|law|fin")
_SMALL: Final = frozenset((
    "mini", "nano", "lite", "flash", "haiku", "small", "luna", "air", "instant", "turbo", "tiny", "highspeed", "fast",
    "ministral",
))  # fmt: skip
_UNFINISHED: Final = re.compile(r"preview|beta|exp|alpha|latest-?test")
_SIZE: Final = re.compile(r"(?<![a-z0-9.])(\d+(?:\.\d+)?)b(?![a-z])")
_ACTIVE_SIZE: Final = re.compile(r"a\d+(?:\.\d+)?b")
_VERSION: Final = re.compile(r"(?<![\d.a-z])v?(\d{1,2}(?:\.\d+)?)(?![\d.b])|(?<=[a-z])(\d(?:\.\d+)?)(?![\d.b])")
LARGE_BILLIONS: Final = 150.0
UNKNOWN_SIZE_COSTS: Final = 1.0


@dataclass(frozen=True, slots=True)
class _Name:
    """What the name of a model tells of it."""

    vendor: str
    words: frozenset[str]
    billions: float | None
    version: float | None
    edition: str

    @classmethod
    def of(cls, name: str) -> "_Name":
        path = name.lower().removeprefix("models/")
        path, _, edition = path.partition(":")
        size = _SIZE.search(edition) or _SIZE.search(path.replace("_", "-"))
        vendor, _, last = path.rpartition("/")
        plain = _SIZE.sub("", _ACTIVE_SIZE.sub("", last))
        version = _VERSION.search(plain)
        return cls(
            vendor=vendor.rpartition("/")[2],
            words=frozenset(word for word in re.split(r"[^a-z]+", plain) if len(word) > 1),
            billions=float(size[1]) if size else None,
            version=float(version[1] or version[2]) if version else None,
            edition=edition if not _SIZE.search(edition) and edition != "latest" else "",
        )


def tells_of_a_missing_model(status: int, said: str) -> bool:
    """Whether a refusal of a chat is about its model: it was retired, renamed, or never was there. If the address is
    what is wrong, the list of models isn't there either, and that will tell."""
    return status in (404, 410) or bool(_GONE.search(said.lower()))


def closest_model(wanted: str, available: Sequence[str]) -> str | None:
    """Of the models that a provider has, the one that does most nearly what ``wanted`` did: same family, same price
    class, quick to speak. Never ``wanted`` itself. None when none of them chats."""
    others = [name for name in available if name and name != wanted and _chats(name)]
    if not others:
        return None
    aim = _Name.of(wanted)
    return max(others, key=lambda name: (_likeness(aim, name), -len(name), -others.index(name)))


def first_model(row: ChatProvider, available: Sequence[str]) -> str | None:
    """What to ask a row for that names no model: the first of its ``models`` that is there, else any that chats."""
    for wanted in row.models:
        found = next((name for name in available if _is_that(wanted, name)), None)
        if found is not None:
            return found
    return next((name for name in available if name and _chats(name)), None)


def _is_that(wanted: str, name: str) -> bool:
    return name == wanted or name.partition(":")[0] == wanted


def _chats(name: str) -> bool:
    return not _NOT_CHAT.search(name.lower())


def _likeness(aim: _Name, name: str) -> float:
    other = _Name.of(name)
    small = name.lower()
    shared = len(aim.words & other.words) / max(1, len(aim.words | other.words))
    likeness = 5.0 * shared + (1.0 if aim.vendor and aim.vendor == other.vendor else 0.0)
    likeness -= 8.0 if aim.edition != other.edition else 0.0  # ":free" stays free
    likeness -= _size_distance(aim.billions, other.billions)
    if aim.billions is None and other.words & _SMALL:
        likeness += 1.0
    if aim.version is not None and other.version is not None:
        likeness -= min(1.0, abs(aim.version - other.version) * 0.3)
        likeness += 0.1 if other.version > aim.version else 0.0
    likeness -= 3.0 if _SLOW_TO_SPEAK.search(small) else 0.0
    likeness -= 2.0 if _OTHER_TRADE.search(small) else 0.0
    likeness -= 0.5 if _UNFINISHED.search(small) else 0.0
    return likeness


def _size_distance(aim: float | None, other: float | None) -> float:
    if other is not None and other > LARGE_BILLIONS:
        return 3.0
    if aim is None or other is None or not aim or not other:
        return UNKNOWN_SIZE_COSTS if aim != other else 0.0
    return 0.8 * abs(math.log2(other / aim))
