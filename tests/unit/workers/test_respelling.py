"""Hinglish as English voices are given it."""

from pathlib import Path

import pytest

from config.hinglish import HinglishError, lexicon, read_lexicon
from config.phrases import guess_language, phrases
from tests.contract.hinglish import sentences
from workers.text_to_speech.measure import SENTENCES
from workers.text_to_speech.respelling import respelled
from workers.text_to_speech.wording import sayable

ENGLISH = (Path(__file__).parents[2] / "contract" / "spoken_sentences.txt").read_text().splitlines()


@pytest.mark.parametrize(
    ("typed", "read"),
    [
        ("Kya kar rahi ho yaar?", "Kyaa kar ruh-hea ho yaar?"),
        ("Accha, toh phir kal milte hain.", "Uh-cha, toh fear kul mil-tay hen."),
        ("ACCHA! Chalo.", "Uh-cha! Chuh-lo."),
        ("Kabhi-kabhi main bhi thak jati hoon.", "Kuh-bea-kuh-bea men bea tuk jaa-tea hoon."),
        ("तुम कैसे हो?", "toom kay-say ho?"),
        ("हम थे", "hum tay"),
    ],
)
def test_a_hinglish_sentence_is_respelled(typed: str, read: str) -> None:
    assert sayable(typed, "en") == read


@pytest.mark.parametrize(
    ("typed", "read"),
    [
        ("Hum dost the, yaar.", "Hum doast tay, yaar."),
        ("Kya yaar, the movie mast thi.", "Kyaa yaar, the movie mast tea."),
        ("Nahi yaar, to the point baat karo.", "Nuh-hean yaar, to the point baat kuh-ro."),
        ("Kisi ko mat batana.", "Kisi ko mutt buh-ta-naa."),
        ("Hum kal wahi purani jagah milenge.", "Hum kul vuh-hea pu-ra-nea juh-ghehe mih-lain-gay."),
        ("Main office ja rahi hoon.", "Main office jaa ruh-hea hoon."),
        ("Us raat hum wahan the.", "Oose raat hum vuh-haan tay."),
        ("Nahi yaar, to be honest mujhe pata nahi.", "Nuh-hean yaar, to be honest moo-jay puh-ta nuh-hean."),
    ],
)
def test_a_word_that_is_english_too_is_only_touched_among_hindi_ones(typed: str, read: str) -> None:
    assert sayable(typed, "en") == read


@pytest.mark.parametrize("sentence", [*ENGLISH, *(text for text in SENTENCES if guess_language(text) == "en")])
def test_an_english_sentence_stays_as_it_is(sentence: str) -> None:
    assert respelled(sentence) == sentence
    assert sayable(sentence, "en") == sayable(sentence, "fr")


def test_her_own_english_phrases_stay_as_they_are() -> None:
    said = [wording for wordings in phrases().phrases.values() for wording in wordings.en]

    assert [respelled(text) for text in said if guess_language(text) != "hinglish"] == [
        text for text in said if guess_language(text) != "hinglish"
    ]


@pytest.mark.parametrize("language", ["hi", "mr", "ta", "fr"])
def test_other_voices_read_what_was_typed(language: str) -> None:
    assert sayable("Kya kar rahi ho yaar?", language) == "Kya kar rahi ho yaar?"


def test_the_lexicon_knows_what_people_say() -> None:
    known = lexicon()

    assert len(known.words) + len(known.also_english) >= 300
    assert not set(known.words) & {
        "i",
        "a",
        "an",
        "and",
        "of",
        "in",
        "it",
        "you",
        "for",
        "on",
        "was",
        "she",
        "he",
        "we",
    }


def test_only_letters_and_hyphens_reach_a_voice() -> None:
    for sentence in sentences():
        read = sayable(sentence.typed, "en")
        assert set(read) <= set(sentence.typed) | set("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ-")
        assert read[0].isupper() == sentence.typed[0].isupper()


def test_sentences_that_nothing_was_tuned_on_are_enough() -> None:
    held_out = [sentence for sentence in sentences() if sentence.is_held_out]

    assert len(held_out) >= 20
    assert not {sentence.typed for sentence in held_out} & {s.typed for s in sentences() if not s.is_held_out}


@pytest.mark.parametrize(
    ("written", "named"),
    [
        ("", "words"),
        ('[words]\naccha = "uh cha"\n[also_english]\nis = "iss"', "accha"),
        ('[words]\nAccha = "uh-cha"\n[also_english]\nis = "iss"', "Accha"),
        ('[words]\nis = "iss"\n[also_english]\nis = "iss"', "both tables: is"),
        ('[words]\nho = "ho"\n[also_english]\nis = "iss"', "as they are: ho"),
        ('[words]\nkya = 7\n[also_english]\nis = "iss"', "kya"),
        ("[words", "hinglish.toml"),
    ],
)
def test_a_bad_row_is_named(tmp_path: Path, written: str, named: str) -> None:
    file = tmp_path / "hinglish.toml"
    file.write_text(written)

    with pytest.raises(HinglishError, match=named):
        read_lexicon(file)
