"""Both Whispers over the corpus, cut and uncut: word error rates and times.

``python -m tests.contract.whispers`` prints the tables of docs/speech-to-text.md.
"""

import sys
import time
import warnings
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from statistics import median
from typing import Any, Final

import jiwer

from config.settings import Settings, load_settings
from tests.contract.speech_corpus import Clip, Voices, corpus
from workers.engines import Transcript
from workers.speech_to_text import faster_whisper, openai_whisper
from workers.speech_to_text.listener import Listener, SpeechModel

LENGTHS: Final = ((0.0, 1.0), (1.0, 2.0), (2.0, 4.0), (4.0, 8.0), (8.0, 20.0))
"""Seconds of speech, in which times are reported."""


@dataclass(frozen=True, slots=True)
class Hearing:
    clip: Clip
    transcript: Transcript
    milliseconds: float


def speech_models(settings: Settings) -> dict[str, SpeechModel[Any]]:
    return {engine.NAME: engine.load_model(settings) for engine in (faster_whisper, openai_whisper)}


def hear(name: str, model: SpeechModel[Any], clips: Iterable[Clip], *, uncut: bool) -> list[Hearing]:
    """Every clip once, as the engine hears it in life or with the whole window encoded."""
    listener = Listener(name, model, uncut=uncut)
    hearings = []
    for clip in clips:
        began = time.perf_counter()
        transcript = listener.transcribe(clip.speech)
        hearings.append(Hearing(clip, transcript, 1000 * (time.perf_counter() - began)))
    return hearings


def word_error_rate(hearings: Sequence[Hearing]) -> float:
    """In per cent, after Whisper's own normalisation of English spelling and numbers."""
    from whisper.normalizers import EnglishTextNormalizer

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ResourceWarning)  # it leaves its table of spellings open
        normal = EnglishTextNormalizer()
    said = [normal(hearing.clip.said) for hearing in hearings]
    heard = [normal(hearing.transcript.text) for hearing in hearings]
    return 100 * float(jiwer.wer(said, heard))


def main() -> None:
    settings = load_settings()
    clips = list(corpus(Voices(settings.models_folder)))
    out = sys.stdout.write
    out(f"{len(clips)} utterances, {sum(clip.seconds for clip in clips):.0f} s\n\n")
    out("| engine | encoder | WER % | " + " | ".join(f"{low:g}-{high:g} s" for low, high in LENGTHS) + " |\n")
    out("|---|---|---|" + "---|" * len(LENGTHS) + "\n")
    for name, model in speech_models(settings).items():
        for uncut in (True, False):
            hearings = hear(name, model, clips, uncut=uncut)
            times = [
                median(hearing.milliseconds for hearing in hearings if low <= hearing.clip.seconds < high)
                for low, high in LENGTHS
            ]
            cells = " | ".join(f"{milliseconds:.0f} ms" for milliseconds in times)
            out(f"| {name} | {'whole' if uncut else 'cut'} | {word_error_rate(hearings):.2f} | {cells} |\n")


if __name__ == "__main__":
    main()
