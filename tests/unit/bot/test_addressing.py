import pytest

from bot.addressing import GOING_ON_SECONDS, Addressing, Answers, Occasion, names_her

ASHA, ROHAN = 11, 22

HER_NAME = [
    "Priya, how are you?",
    "Hey Priya what do you think",
    "what about you, priya?",
    "PRIYA!!!",
    "Priyaaaa suno na",
    "Pria, tell me",
    "Preeya kya kar rahi ho",
    "Pryia come here",
    "is that priya's idea?",
    "Priya's right",
    "priyaji namaste",
    "ok priya listen",
    "Pri-ya?",
    "pri ya, are you there",
    "प्रिया, क्या कर रही हो?",
    "अरे प्रिया सुनो",
    "प्रिया जी नमस्ते",
    "परिया बताओ ना",
    "پریا کیسی ہو",
    "প্রিয়া, কেমন আছো?",
    "பிரியா",
]
# What whisper-base made of "Priya" in the voices of hibari and Piper.
HEARD_AS = [
    "OK Preea, listen",
    "High Priya",
    "Praya come here",
    "Pria",
    "Arpreya, Tsunonal",
    "Arpreia, Tsunonau.",
    "Aurepria Sunona",
    "Bria, Thai Kar Raheho",
    "Freya play song.",
    "Freya, play a song.",
    "Pray, come here.",
    "Prigga, are you there?",
    "Pre-stop",
    "Pre-Ga, are you there?",
    "What about you? Priya.",
]
NOT_HER_NAME = [
    "",
    "...",
    "how are you?",
    "Priyanka called me",
    "Supriya is late",
    "I need to pray before dinner",
    "say a prayer for me",
    "they pray every day",
    "the priest came",
    "my sister Priya is getting married",
    "a girl called Priya lives here",
    "meri behen priya kal aayegi",
    "I met Freya yesterday",
    "Freya is my cousin",
    "my Prius broke down",
    "piya tu ab to aaja",
    "Riya, come here",
    "Maria said so",
    "what a pretty area",
    "prior to that",
    "प्रिय मित्र को लिखो",
    "प्रियंका कहाँ है",
    "रिया सुनो",
    "three years ago",
    "pre order the game",
]


# Typed, nobody means her by these.
MISSPELT_BY_NOBODY = [
    "ek aur prayas karte hain",
    "Prayas karo",
    "periya aalu",
    "How do I pry a jar open",
    "the prey a lion hunts",
    "ok pray for me",
    "wait, pray",
    "Freya, play a song.",
]


@pytest.mark.parametrize("text", MISSPELT_BY_NOBODY + NOT_HER_NAME)
def test_whoever_types_is_taken_by_the_letter(text: str) -> None:
    assert not names_her(text, is_typed=True)


@pytest.mark.parametrize("text", [text for text in HER_NAME if "ri ya" not in text and "ri-ya" not in text])
def test_her_name_is_known_however_it_is_typed(text: str) -> None:
    assert names_her(text, is_typed=True)


@pytest.mark.parametrize("text", ["How do I pry a jar open", "the prey a lion hunts", "ek aur prayas karte hain"])
def test_nor_does_whisper_write_these_for_her_name(text: str) -> None:
    assert not names_her(text)


@pytest.mark.parametrize("text", HER_NAME + HEARD_AS)
def test_her_name_is_known_however_it_is_written_or_heard(text: str) -> None:
    assert names_her(text)


@pytest.mark.parametrize("text", NOT_HER_NAME)
def test_other_words_and_other_people_are_not_her(text: str) -> None:
    assert not names_her(text)


def said(
    text: str = "kya haal hai", at: float = 100.0, speaker: int = ASHA, listeners: int = 3, **more: bool
) -> Occasion:
    return Occasion(text, speaker, at, listeners, **more)


@pytest.mark.parametrize(
    ("occasion", "answers", "is_addressed"),
    [
        (said(listeners=1), "addressed", True),
        (said(listeners=2), "addressed", False),
        (said("Priya, kya haal hai?"), "addressed", True),
        (said(mentions_her=True), "addressed", True),
        (said(replies_to_her=True), "addressed", True),
        (said(is_direct=True), "addressed", True),
        (said(), "always", True),
        (said("Priya, kya haal hai?", listeners=1, mentions_her=True), "never", False),
        (said(is_direct=True), "never", True),
    ],
)
def test_in_a_group_she_must_be_meant(occasion: Occasion, answers: Answers, is_addressed: bool) -> None:
    assert Addressing().is_addressed(occasion, answers) is is_addressed


@pytest.mark.parametrize(
    ("later", "speaker", "is_addressed"),
    [
        (0.0, ASHA, True),
        (GOING_ON_SECONDS, ASHA, True),
        (GOING_ON_SECONDS + 0.1, ASHA, False),
        (-2.0, ASHA, True),  # begun while she was still answering
        (1.0, ROHAN, False),
    ],
)
def test_whom_she_answered_goes_on_without_her_name(later: float, speaker: int, is_addressed: bool) -> None:
    addressing = Addressing()
    addressing.answered(ASHA, 100.0)
    assert addressing.is_addressed(said(at=100.0 + later, speaker=speaker), "addressed") is is_addressed


def test_what_is_added_while_she_answers_is_for_her() -> None:
    addressing = Addressing()
    with addressing.answering(ASHA), addressing.answering(ASHA):
        assert addressing.is_addressed(said(), "addressed")
        assert not addressing.is_addressed(said(means_another=True), "addressed")
        assert not addressing.is_addressed(said(speaker=ROHAN), "addressed")
    assert not addressing.is_addressed(said(), "addressed")


def test_who_talks_to_another_does_not_go_on_with_her() -> None:
    addressing = Addressing()
    addressing.answered(ASHA, 100.0)
    assert not addressing.is_addressed(said(at=101.0, means_another=True), "addressed")
    assert addressing.is_addressed(said("Priya, tum bhi", at=101.0, means_another=True), "addressed")


def test_two_people_go_on_independently() -> None:
    addressing = Addressing()
    addressing.answered(ASHA, 100.0)
    addressing.answered(ROHAN, 115.0)
    assert addressing.is_addressed(said(at=118.0, speaker=ASHA), "addressed")
    assert addressing.is_addressed(said(at=130.0, speaker=ROHAN), "addressed")
    assert not addressing.is_addressed(said(at=130.0, speaker=ASHA), "addressed")


def test_each_answer_begins_the_time_anew() -> None:
    addressing = Addressing()
    for at in (100.0, 118.0, 136.0):
        addressing.answered(ASHA, at)
    assert addressing.is_addressed(said(at=155.0), "addressed")
