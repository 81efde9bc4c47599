import pytest

from bot.interjections import LONGEST_WORDS, Interjection, kind_of
from tests.hostile_text import TYPED_MOST, no_end_in_sight

NOTHING = [
    "", "   ", "...", "?!", "[cough]", "(coughs)", "*sneezes*", "[BLANK_AUDIO]", "♪ music ♪", "[Music]",
    "(speaking in foreign language)", "um", "uh, um...", "So", "I...", "You", "to", "तो", "मतलब", "[खांसी]",
]  # fmt: skip
BACKCHANNEL = [
    "haan", "Haan haan, achha", "haaaan", "han han", "Han Han.", "haan ji", "achha", "accha", "Achcha achcha",
    "hmm", "Hmmmm.", "Hm", "Mm-hmm.", "uh-huh", "mhm", "ok", "Okay.", "okaaay", "ok yaar", "theek hai",
    "thik hai Priya", "sahi hai", "sahi baat hai yaar", "bilkul", "yeah yeah", "Yes.", "I see.", "oh wow",
    "really?", "got it", "of course", "arre waah", "kya baat hai", "haha", "Hahahaha!", "ha ha ha", "hehe",
    "Hehehe yes", "lol", "LOLOL", "[laughter]", "(laughs)", "*giggles*", "😂😂😂", "👍", "haan um", "हाँ",
    "हां हां", "हाँ जी", "अच्छा", "अच्छा अच्छा ठीक है", "ठीक है", "हम्म", "हाहाहा", "हा हा हा", "ओह", "वाह", "सही है यार",
    "اچھا", "ہاں", "Periya, haan", "[laughs (softly)]", "**laughs**",
]  # fmt: skip
STOP = [
    "ruko", "Ruko ruko!", "ruk jao yaar", "Riko Riko.", "rico", "Rukal", "bas", "Bas bas bas", "bas karo",
    "bas kar yaar", "Boss Carro", "Boscaro", "buzz", "Bus.", "chup", "chup karo na please", "Priya chup", "stop",
    "Stop!", "stooop", "stop stop stop", "Priya, stop.", "Priya stop it", "Pre-stop", "ok stop", "no no stop",
    "nahi ruko", "wait", "Wait, wait.", "wait a minute", "hold on", "ek minute", "1 minute", "Ek minute ruko",
    "one second please", "shut up", "be quiet", "that's enough", "enough", "haan bas", "achha ruko", "um, wait",
    "thehro", "rehne do", "रुको", "रुको रुको", "रुक जाओ", "बस", "बस करो", "बस करो यार", "चुप", "प्रिया चुप हो जाओ",
    "एक मिनट", "१ मिनट", "स्टॉप", "ज़रा रुको", "رکو", "haha stop",
    "Praya, stop.", "Periya ruko", "Hey Periya, wait", "Arperya, chup",
]  # fmt: skip
WORDS = [
    "stop that song and tell me a joke", "wait for me at the station", "bas itna bata do kab aaoge",
    "don't stop", "why did you stop?", "ruko mat gaao", "no", "No, no.", "nahi", "नहीं", "what?", "kya?", "kyun",
    "Priya", "Priya?", "Hey Priya!", "arre yaar", "please", "sorry", "thank you", "hello",
    "haan lekin kal nahi ho payega", "achha batao weather kaisa hai", "ok what about tomorrow",
    "yes I want pizza", "one minute is sixty seconds", "मुझे कुछ और बताओ", "बस स्टैंड कहाँ है", "रुको मैं आ रहा हूँ",
    "अच्छा सुनो", "हाँ पर क्यों", "how are you", "so tell me", "じゃあ", "haha that is so wrong of him",
    "wait what happened", "bas ek aur gaana gao", "chup rehna mushkil hai", "(stop) the (music) and dance",
    "ok Priya listen",
]  # fmt: skip


@pytest.mark.parametrize("text", NOTHING)
def test_noises_and_false_starts_are_nothing(text: str) -> None:
    assert kind_of(text) is Interjection.NOTHING


@pytest.mark.parametrize("text", BACKCHANNEL)
def test_signs_of_listening_are_backchannels(text: str) -> None:
    assert kind_of(text) is Interjection.BACKCHANNEL


@pytest.mark.parametrize("text", STOP)
def test_asking_for_quiet_is_a_stop(text: str) -> None:
    assert kind_of(text) is Interjection.STOP


@pytest.mark.parametrize("text", WORDS)
def test_everything_else_wants_an_answer(text: str) -> None:
    assert kind_of(text) is Interjection.WORDS


def test_laughter_of_any_length_is_still_laughter_but_no_whole_page_is_read() -> None:
    assert kind_of("ha " * LONGEST_WORDS) is Interjection.BACKCHANNEL
    assert kind_of("ha " * (LONGEST_WORDS + 1)) is Interjection.WORDS
    assert kind_of("ha" * 500) is Interjection.BACKCHANNEL


@pytest.mark.parametrize("text", ["(", "[", "*", "(a", "[cough", "(cough ", "*laugh ", "♪", "😂", "ha", "a."])
def test_nothing_that_anybody_types_is_read_for_long(text: str) -> None:
    """An expression that tried all divisions of it took minutes for 2,000 times "("."""
    with no_end_in_sight():
        kinds = [kind_of((text * length)[:length]) for length in (1_000, TYPED_MOST)]
    assert kinds[1] is Interjection.WORDS
