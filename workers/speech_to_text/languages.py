"""Which language an utterance is taken to be in, from the odds that Whisper gives each."""

from collections.abc import Mapping
from typing import Final

FALLBACK: Final = "en"
"""What a model that knows one language speaks, and what nothing at all is said to be in."""
EXPECTED: Final = ("en", "hi")
"""What people speak with Priya; Hinglish is heard as one of the two."""
SURELY: Final = 0.7
"""Odds from which another language is believed."""
SHORTEST_FOREIGN_SECONDS: Final = 1.5
"""Below it another language is never believed: "bye bye" alone is 0.9 of Chinese, "yes" 0.7 of Spanish."""
SAME_SPEECH: Final = {"ur": "hi"}
"""Everyday Urdu is Hindi in another script, which nobody here reads: both are written as Hindi."""
PHANTOMS: Final = frozenset(["br", "cy", "fo", "haw", "jw", "la", "mi", "nn", "sa", "yi"])
"""Languages that Whisper gives to what it can't place, and that nobody is expected to speak: an English voice reading
Hindi was 0.95 of Maori, one reading Spanish 0.75 of Latin."""

NEIGHBOURS: Final = frozenset(["as", "bn", "gu", "mr", "ne", "pa", "sa", "sd", "si"])
"""Languages that sound so much like Hindi that a word or two of it may be taken for them."""

_CODES: Final = """
af am ar as az ba be bg bn bo br bs ca cs cy da de el en es et eu fa fi fo fr gl gu ha haw he hi hr ht hu hy
id is it ja jw ka kk km kn ko la lb ln lo lt lv mg mi mk ml mn mr ms mt my ne nl nn no oc pa pl ps pt ro ru sa
sd si sk sl sn so sq sr su sv sw ta te tg th tk tl tr tt uk ur uz vi yi yo yue zh
"""
KNOWN: Final = frozenset(_CODES.split())
"""Whisper's languages."""

_NAMES: Final = """
afrikaans:af albanian:sq amharic:am arabic:ar armenian:hy assamese:as azerbaijani:az bashkir:ba basque:eu belarusian:be
bengali:bn bosnian:bs breton:br bulgarian:bg burmese:my cantonese:yue castilian:es catalan:ca chinese:zh croatian:hr
czech:cs danish:da dutch:nl english:en estonian:et faroese:fo finnish:fi flemish:nl french:fr galician:gl georgian:ka
german:de greek:el gujarati:gu haitian:ht haitian-creole:ht hausa:ha hawaiian:haw hebrew:he hindi:hi hungarian:hu
icelandic:is indonesian:id italian:it japanese:ja javanese:jw kannada:kn kazakh:kk khmer:km korean:ko lao:lo latin:la
latvian:lv letzeburgesch:lb lingala:ln lithuanian:lt luxembourgish:lb macedonian:mk malagasy:mg malay:ms malayalam:ml
maltese:mt mandarin:zh maori:mi marathi:mr moldavian:ro moldovan:ro mongolian:mn myanmar:my nepali:ne norwegian:no
nynorsk:nn occitan:oc panjabi:pa pashto:ps persian:fa polish:pl portuguese:pt punjabi:pa pushto:ps romanian:ro
russian:ru sanskrit:sa serbian:sr shona:sn sindhi:sd sinhala:si sinhalese:si slovak:sk slovenian:sl somali:so
spanish:es sundanese:su swahili:sw swedish:sv tagalog:tl tajik:tg tamil:ta tatar:tt telugu:te thai:th tibetan:bo
turkish:tr turkmen:tk ukrainian:uk urdu:ur uzbek:uz valencian:ca vietnamese:vi welsh:cy yiddish:yi yoruba:yo
"""
_CODE_OF_NAME: Final = dict(named.split(":") for named in _NAMES.split())


def code_of(name: str) -> str | None:
    """The code of a language that is called by its code or by its English name; None for what Whisper doesn't know."""
    small = name.strip().lower().replace(" ", "-")
    code = small.partition("-")[0] if small not in _CODE_OF_NAME else _CODE_OF_NAME[small]
    return code if code in KNOWN else None


def likely(heard: str, seconds: float) -> str:
    """What an utterance of ``seconds`` is taken to be in, for who knows only the likeliest language and no odds."""
    spoken = SAME_SPEECH.get(heard, heard)
    if spoken in EXPECTED or (spoken not in PHANTOMS and seconds >= SHORTEST_FOREIGN_SECONDS):
        return spoken
    return "hi" if spoken in NEIGHBOURS else FALLBACK


def choose(odds: Mapping[str, float], seconds: float) -> str:
    """The likeliest language of an utterance of ``seconds``, leaning towards the expected unless another is sure."""
    folded: dict[str, float] = {}
    for language, probability in odds.items():
        spoken = SAME_SPEECH.get(language, language)
        folded[spoken] = folded.get(spoken, 0.0) + probability
    likeliest = max(folded, key=lambda language: folded[language], default=FALLBACK)
    sure = folded.get(likeliest, 0.0) >= SURELY and seconds >= SHORTEST_FOREIGN_SECONDS
    if sure and likeliest not in PHANTOMS:
        return likeliest
    return max(EXPECTED, key=lambda language: folded.get(language, 0.0))
