"""Was that worth stopping for? Tells the sounds that people make while they listen, and the words that only mean
"stop", from everything else. English, Hindi and Hinglish, in the letters that people type and Whisper writes.

For what is said *while she speaks*: the same "haan" is an answer when she has asked something and is quiet.
"""

import re
from collections.abc import Iterable, Mapping
from enum import Enum
from typing import Final

from bot.addressing import sounds_like_her_name
from config.words import words_of


class Interjection(Enum):
    """What an utterance is to the one who is speaking."""

    NOTHING = "nothing"
    """A cough, music, an empty transcript, a start that went nowhere."""
    BACKCHANNEL = "backchannel"
    """I am listening: go on."""
    STOP = "stop"
    """Be quiet, and nothing else."""
    WORDS = "words"
    """Something to be answered."""


LONGEST_WORDS: Final = 40
"""Whisper may turn long laughter into many words; more than this is no interjection."""
LONGEST_CHARACTERS: Final = 1_000
"""The same in letters: anybody may type thousands, which need not be looked through."""

_STOP: Final = """
stop | stop it | stop now | stop that | stop talking | stop speaking | stop stop | shut up | shush | shh | be quiet
quiet | silence | enough | thats enough | hold on | hang on | hold it | one minute | 1 minute | 1 min | one min
one second | one sec | 1 sec | 1 second | a minute | a second | a sec | a moment | one moment | just a minute
just a second | just a sec | just a moment | wait | wait up | wait a minute | wait a second | wait a sec
wait one minute | pause | cancel | nevermind | never mind | ruko | ruk | ruk jao | ruk ja | rukja | rukjao | rukiye
rukna | rukko | ruku | roko | rooko | riko | rico | rocco | rukal | rukau | thehro | thahro | thehr jao | theher jao
bas | bus | buzz | bas karo | bas kar | bas kar do | bas karo na | bas ho gaya | bas itna hi | bus karo | bus kar
boss carro | boss karo | bas carro | bus caro | boscaro | baskaro | chup | choop | chup karo | chup kar | chup raho
chup ho jao | chup ho ja | chup chap | chup baitho | khamosh | shant | shanti | shant raho | band karo | bandh karo
rehne do | rahne do | rehne de | chodo | chhodo | chod do | ek minute | ek minut | ek min | ek minat | ek second
ek sec | ek sekand | ek pal | रुको | रुक | रुक जाओ | रुक जा | रुकिए | रुकिये | रुकना | रूको | रुकों | ठहरो | ठहर जाओ | बस
बस करो | बस कर | बस कर दो | बस हो गया | चुप | चुप करो | चुप कर | चुप रहो | चुप हो जाओ | चुप हो जा | खामोश | शांत | शांत रहो
बंद करो | रहने दो | छोड़ो | छोड़ दो | एक मिनट | एक मिनिट | एक मिंट | १ मिनट | 1 मिनट | एक सेकंड | एक सेकेंड | एक सेकण्ड | एक पल
स्टॉप | स्टाप | वेट | वेट करो | शट अप | رکو | بس | بس کرو | چپ | چپ کرو | ایک منٹ
"""
_BACKCHANNEL: Final = """
haan | han | ha | haa | hn | haan ji | han ji | ji | ji haan | ji han | hanji | haanji | achha | acha | accha
achchha | achcha | acha ji | hm | hmm | hum | mm | m | mhm | mmhm | mm hm | mm hmm | m hm | uh huh | uhuh | aha | ah
aah | oh | ooh | ohho | oho | o | aw | aww | wah | waah | wow | arre wah | arey wah | are wah | kya baat
kya baat hai | ok | okay | okie | okey | k | kk | oke | yes | yeah | yea | yep | yup | ya | yah | right | alright
all right | sure | fine | true | exactly | totally | absolutely | of course | i see | i know | i get it | got it
gotcha | get it | makes sense | that makes sense | nice | cool | great | good | awesome | amazing | lovely
very nice | so nice | so true | interesting | really | oh really | is it | no way | oh my god | omg | sahi
sahi hai | sahi baat hai | sahi baat | sahi me | theek | theek hai | thik | thik hai | teek hai | tik hai | thike
bilkul | sach | sach me | sach mein | sachi | samjha | samjhi | samajh gaya | samajh gayi | samajh gai | pata hai
mast | badhiya | hai na | lol | lmao | rofl | xd | he he | ho ho | hi hi hi | hee hee | hu hu | हां | हा | हाँ | हां जी
हाँ जी | जी | जी हां | जी हाँ | हांजी | अच्छा | अच्छा जी | अच्छ | अछा | हम | हम्म | हूं | हूँ | हुं | म्म | ओह | ओहो | ओ | आह | आहा
वाह | अरे वाह | क्या बात है | क्या बात | ओके | ओकै | यस | या | राइट | सही | सही है | सही बात है | सही बात | ठीक | ठीक है
बिल्कुल | बिलकुल | सच | सच में | सच्ची | समझ गया | समझ गई | समझ गयी | समझा | समझी | पता है | मस्त | बढ़िया | है ना | है न | वाओ
नाइस | रियली | اچھا | ہاں | جی | جی ہاں | ہم | ٹھیک ہے | ٹھیک
"""
_FALSE_STARTS: Final = """
uh | um | uhm | er | erm | eh | ahem | i | so | and | but | the | a | you | like | well | to | toh | woh | wo | main
mai | matlab | aur | lekin | par | तो | वो | मैं | मतलब | और | लेकिन | पर
"""
"""Alone they say nothing; Whisper also hears "you" in a breath."""
_SOFTENERS: Final = """
please | pls | plz | na | yaar | yar | yaara | arre | are | arey | aare | hey | oye | abe | bhai | dear | now | ab
abhi | zara | jara | just | toh | to | too | baby | guys | man | dude | ji | only | it | up | thanks | thank you
sorry | excuse me | प्लीज | प्लीज़ | ना | न | यार | अरे | ओये | भाई | अब | अभी | ज़रा | जरा | तो | जी
"""
"""Go with "stop" and "haan" without adding to them; alone they call her, which is worth stopping for."""
_STOP_ONLY: Final = "no | nope | nah | nahi | nahin | nai | mat | pre | pray | नहीं | नही | मत"
"""Go with "stop" only: alone they contradict her. "Pre-stop" is how Whisper writes a quick "Priya, stop"."""

_NOISE: Final = re.compile(
    r"[\[(*♪][^\[\]()*♪]*\b(?:cough|sneez|sniff|music|applaus|clap|silence|noise|breath|sigh|throat|blank|inaudible|foreign|yawn|hiccup"
    r"|cry|click|beep|static|wind|bell|khansi|खांसी|खाँसी|संगीत)[^\])*♪]*[\])*♪]",
    re.IGNORECASE,
)
"""Behind an opening mark comes no other: a thousand of them must not be tried in all divisions."""
_LAUGHTER_NOTE: Final = re.compile(
    r"[\[(*][^\[\]()*]*(?:laugh|giggl|chuckl|snicker|hansi|हंसी|हँसी|हंसत|हँसत)[^\])*]*[\])*]", re.IGNORECASE
)
_LAUGHTER: Final = re.compile(
    r"[aeu]?h?(?:h[aeiou]){2,}h?|(?:हा|ही|हे|हो){2,}|(?:ہا){2,}|b?wah(?:ah)+a?|lo+l(?:ol)*|(?:xd)+"
)
_FACES: Final = re.compile("[\U0001f300-\U0001faff\u2600-\u27bf]")


def _phrases(*lists: str) -> frozenset[tuple[str, ...]]:
    """Phrases between bars, as tuples of bare words."""
    return frozenset(
        tuple(words_of(phrase)) for text in lists for line in text.strip().splitlines() for phrase in line.split("|")
    )


class _Part(Enum):
    STOP = 1
    BACKCHANNEL = 2
    FALSE_START = 3
    SOFTENER = 4
    STOP_ONLY = 5


def _table(rows: Iterable[tuple[_Part, str]]) -> Mapping[tuple[str, ...], frozenset[_Part]]:
    table: dict[tuple[str, ...], frozenset[_Part]] = {}
    for part, text in rows:
        for phrase in _phrases(text):
            table[phrase] = table.get(phrase, frozenset()) | {part}
    return table


_PARTS: Final = _table(
    (
        (_Part.STOP, _STOP),
        (_Part.BACKCHANNEL, _BACKCHANNEL),
        (_Part.FALSE_START, _FALSE_STARTS),
        (_Part.SOFTENER, _SOFTENERS),
        (_Part.STOP_ONLY, _STOP_ONLY),
    )
)
_LONGEST_PHRASE: Final = max(map(len, _PARTS))
_CALLED: Final = frozenset((_Part.SOFTENER,))


def kind_of(text: str) -> Interjection:
    """What a whole utterance, heard or typed while she speaks, is to her."""
    if len(text) > LONGEST_CHARACTERS:
        return Interjection.WORDS
    plain = _NOISE.sub(" ", _LAUGHTER_NOTE.sub(" haha ", text))
    words = words_of(_FACES.sub(" haha ", plain))
    if not words:
        return Interjection.NOTHING
    parts = _parts_of(words) if len(words) <= LONGEST_WORDS else None
    if parts is None:
        return Interjection.WORDS
    return _meaning(parts)


def _meaning(parts: list[frozenset[_Part]]) -> Interjection:
    if any(_Part.STOP in part for part in parts):
        return Interjection.STOP
    if any(part == {_Part.STOP_ONLY} for part in parts):
        return Interjection.WORDS
    if any(_Part.BACKCHANNEL in part for part in parts):
        return Interjection.BACKCHANNEL
    return Interjection.NOTHING if any(_Part.FALSE_START in part for part in parts) else Interjection.WORDS


def _parts_of(words: list[str]) -> list[frozenset[_Part]] | None:
    """What each phrase of it is, longest first; None when a word is none of them."""
    parts = []
    place = 0
    while place < len(words):
        for length in range(min(_LONGEST_PHRASE, len(words) - place), 0, -1):
            part = _part(tuple(words[place : place + length]))
            if part is not None:
                parts.append(part)
                place += length
                break
        else:
            return None
    return parts


def _part(phrase: tuple[str, ...]) -> frozenset[_Part] | None:
    known = _PARTS.get(phrase)
    if known is not None or len(phrase) > 1:
        return known
    if _LAUGHTER.fullmatch(phrase[0]):
        return frozenset((_Part.BACKCHANNEL,))
    return _CALLED if sounds_like_her_name(phrase[0]) else None
