"""``python -m tests.contract.hinglish``: how an English voice's Hinglish is heard, with the lexicon and without it.

Whisper base (multilingual, told that it is Hindi) writes down what the voices say. What it wrote and what was meant (in
Devanagari) are both brought to one spelling by sound, and compared letter by letter. Whisper is kept from Urdu's
letters, which leave vowels out and would make nonsense of that. Nothing else is done for it, with or without.
"""

import re
import sys
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Final

import jiwer
import numpy as np
import soxr

from config.audio import HEARD_RATE_HZ
from config.settings import Settings, load_settings
from workers.engines import Pcm
from workers.registry import Load, loader
from workers.speech_to_text import faster_whisper, trust
from workers.speech_to_text.cut import heard_seconds
from workers.text_to_speech.romanise import romanise
from workers.text_to_speech.voice import CalibratedVoice
from workers.text_to_speech.wording import sayable

VOICES: Final = ("hibari", "piper")
SOUNDS: Final = (
    ("chh", "c"), ("ch", "c"), ("sh", "s"), ("kh", "k"), ("gh", "g"), ("jh", "j"), ("th", "t"), ("dh", "d"),
    ("ph", "f"), ("bh", "b"), ("rh", "r"), ("q", "k"), ("w", "v"), ("z", "j"), ("x", "ks"), ("ck", "k"), ("aa", "a"),
    ("ee", "i"), ("ii", "i"), ("oo", "u"), ("uu", "u"), ("ai", "e"), ("ay", "e"), ("au", "o"), ("ou", "o"),
)  # fmt: skip
"""Spellings of one sound, and sounds that an English voice has only one of."""
PEAK: Final = np.float32(0.5)
"""Of what Whisper hears, as in the other corpus."""
URDU_LEAD_BYTES: Final = range(0xD8, 0xDC)
DIRECTION_MARKS: Final = tuple(mark.encode() for mark in "\u200e\u200f\u202a\u202b\u202c\u202d\u202e")


@dataclass(frozen=True, slots=True)
class Sentence:
    typed: str
    meant: str
    """In Devanagari."""
    is_held_out: bool
    """No respelling was chosen or changed by how this one was heard."""


def sentences() -> list[Sentence]:
    lines = Path(__file__).with_name("hinglish_sentences.txt").read_text("utf-8").splitlines()
    rows = (line.split("|") for line in lines)
    return [Sentence(typed, meant, kind == "held out") for kind, typed, meant in rows]


def by_sound(text: str) -> str:
    """``text`` in whatever script, in one spelling, without spaces and marks."""
    sounds = re.sub("[^a-z]", "", romanise(text).lower())
    for spelling, sound in SOUNDS:
        sounds = sounds.replace(spelling, sound)
    return re.sub(r"(.)\1+", r"\1", sounds)


class Ear:
    """Whisper, told that it hears Hindi."""

    def __init__(self, settings: Settings) -> None:
        self._model = faster_whisper.load_model(settings)

    def hear(self, speech: Pcm) -> str:
        seconds = len(speech) / HEARD_RATE_HZ
        tokenizer = self._model._tokenizer_for("hi")
        prompt = [*tokenizer.sot_sequence, tokenizer.no_timestamps]
        (result,) = self._model._model.model.generate(
            self._model.encode(speech, heard_seconds(seconds)).whole,
            [prompt],
            beam_size=1,
            max_length=len(prompt) + trust.token_limit(seconds),
            suppress_tokens=[-1, *tokenizer.non_speech_tokens, *self._in_urdu],
        )
        return str(tokenizer.decode([token for token in result.sequences_ids[0] if token < tokenizer.eot])).strip()

    @cached_property
    def _in_urdu(self) -> list[int]:
        vocabulary = self._model._model.hf_tokenizer.get_vocab()
        spelled = ((token, _bytes_of(text)) for text, token in vocabulary.items())
        return [
            token
            for token, raw in spelled
            if any(byte in URDU_LEAD_BYTES for byte in raw) or any(mark in raw for mark in DIRECTION_MARKS)
        ]


def _bytes_of(token: str) -> bytes:
    return bytes(BYTE_OF_LETTER.get(letter, 0) for letter in token)


def _letters_of_bytes() -> dict[str, int]:
    """GPT-2's alphabet for bytes: those that can be printed stand for themselves, the others come after 255."""
    printed = [*range(33, 127), *range(161, 173), *range(174, 256)]
    others = [byte for byte in range(256) if byte not in printed]
    return {**{chr(byte): byte for byte in printed}, **{chr(256 + index): byte for index, byte in enumerate(others)}}


BYTE_OF_LETTER: Final = _letters_of_bytes()


def errors_per_letter(ear: Ear, voice: CalibratedVoice, said: Iterable[Sentence], *, with_lexicon: bool) -> float:
    """In per cent of the letters that were meant. A sentence is at worst all wrong, however much was heard instead."""
    wrong = letters = 0.0
    for sentence in said:
        # Other voices of Latin letters are given the words as they are.
        text = sayable(sentence.typed, "en" if with_lexicon else "fr")
        speech = soxr.resample(voice.raw(text), voice.rate_hz, HEARD_RATE_HZ).astype(np.float32)
        meant, heard = by_sound(sentence.meant), by_sound(ear.hear(PEAK * speech / np.abs(speech).max()))
        letters += len(meant)
        wrong += len(meant) * min(1.0, float(jiwer.cer(meant, heard)) if heard else 1.0)
    return 100 * wrong / letters


def voice_of(name: str, settings: Settings) -> CalibratedVoice:
    load: Load[object] = loader("synthesize", name)
    voice = load(settings)
    assert isinstance(voice, CalibratedVoice)
    return voice


def main() -> None:
    settings = load_settings()
    ear = Ear(settings)
    sys.stdout.write("| voice | sentences | without % | with % |\n|---|---|---|---|\n")
    for name in VOICES:
        voice = voice_of(name, settings)
        for is_held_out in (False, True):
            said = [sentence for sentence in sentences() if sentence.is_held_out == is_held_out]
            without, with_it = (errors_per_letter(ear, voice, said, with_lexicon=lexicon) for lexicon in (False, True))
            kind = "held out" if is_held_out else "tuned on"
            sys.stdout.write(f"| {name} | {len(said)} {kind} | {without:.1f} | {with_it:.1f} |\n")
            sys.stdout.flush()


if __name__ == "__main__":
    main()
