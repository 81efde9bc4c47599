"""Voices by name, with engines that load at once."""

from collections.abc import Mapping

import pytest

from config.emotions import NEUTRAL, Emotion
from config.settings import Settings
from workers.engines import Speech, Synthesizer
from workers.errors import EngineMisconfigured
from workers.lineup import Lineup
from workers.registry import voices_of
from workers.text_to_speech.voices import KEPT_VOICES, REST_SECONDS, Voices

HERE = "tests.unit.workers.test_voices:load"
NAMES = ("default", "amy", "ben", "cleo", "damaged")
LOADED: list[str] = []


class Singer:
    def __init__(self, name: str) -> None:
        self.name = name

    def synthesize(self, sentence: str, *, language: str, emotion: Emotion = NEUTRAL) -> Speech:
        raise AssertionError("not asked to speak here")


def load(settings: Settings) -> Singer:
    LOADED.append(settings.piper_voice)
    if settings.piper_voice == "damaged":
        raise EngineMisconfigured("singer", "its file is cut")
    return Singer(settings.piper_voice)


def voices(settings: Settings) -> Mapping[str, Settings]:
    return {name: settings.model_copy(update={"piper_voice": name}) for name in NAMES}


@pytest.fixture
def now() -> list[float]:
    return [1000.0]


@pytest.fixture
def shelf(settings: Settings, now: list[float]) -> Voices:
    LOADED.clear()
    chosen = settings.model_copy(update={"piper_voice": "default"})
    lineup: Lineup[Synthesizer] = Lineup("synthesize", (HERE,), chosen)
    assert lineup.first().name == "default"
    return Voices(lineup, chosen, clock=lambda: now[0])


def name_of(voice: Synthesizer | None) -> str | None:
    return None if voice is None else voice.name


def test_every_voice_here_has_its_name(shelf: Voices) -> None:
    assert shelf.names() == NAMES


def test_a_voice_is_loaded_when_it_is_first_asked_for_and_kept(shelf: Voices) -> None:
    assert LOADED == ["default"]
    assert shelf.find("amy") is shelf.find("amy")
    assert name_of(shelf.find("amy")) == "amy"
    assert LOADED == ["default", "amy"]


def test_the_default_voice_is_not_loaded_twice(shelf: Voices) -> None:
    assert name_of(shelf.find("default")) == "default"
    assert LOADED == ["default"]


def test_the_voice_that_was_least_lately_asked_for_goes_first(shelf: Voices) -> None:
    for name in ("amy", "ben", "amy", "cleo", "amy"):
        assert name_of(shelf.find(name)) == name
    assert LOADED == ["default", "amy", "ben", "cleo"]
    assert KEPT_VOICES == 2
    shelf.find("ben")
    assert LOADED[4:] == ["ben"]


def test_a_voice_that_nobody_has_is_none(shelf: Voices) -> None:
    assert shelf.find("zoe") is None
    assert shelf.find("../../etc/passwd") is None
    assert LOADED == ["default"]


def test_a_damaged_voice_is_none_and_rests_before_it_is_tried_again(shelf: Voices, now: list[float]) -> None:
    assert shelf.find("damaged") is None
    assert shelf.find("damaged") is None
    assert LOADED.count("damaged") == 1
    now[0] += REST_SECONDS
    assert shelf.find("damaged") is None
    assert LOADED.count("damaged") == 2


def test_an_engine_that_offers_no_voices_has_none_to_name(settings: Settings) -> None:
    assert voices_of("tests.unit.workers.test_lineup:load_good", settings) == {}


def test_real_engines_know_the_voices_that_lie_here(settings: Settings) -> None:
    """The one in hibari's wheel, and Piper's of the models folder; nothing of what would have to be downloaded."""
    assert voices_of("hibari", settings)["heart"] == settings
    assert "emma" not in voices_of("hibari", settings)
    assert voices_of("piper", settings)["piper-en_US-joe-medium"] == settings
    assert "smart-turn-v3.2" not in voices_of("piper", settings)


def test_a_real_voice_that_was_named_speaks(settings: Settings) -> None:
    lineup: Lineup[Synthesizer] = Lineup("synthesize", ("hibari", "piper"), settings)
    chosen = Voices(lineup, settings).find("piper-en_US-joe-medium")
    assert chosen is not None
    assert chosen.name == "piper"
    assert chosen.synthesize("Arre, hello!", language="en").pcm.size > 8000
