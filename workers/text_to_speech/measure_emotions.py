"""``python -m workers.text_to_speech.measure_emotions``: what is heard of each emotion, the tables of docs/emotions.md.

Every emotion says the same sentences. Against the everyday voice are compared: the pitch's median, how long it takes,
how loud it is (BS.1770-4) and how wide the melody goes. Those of a group differ by less than is just heard.
"""

import argparse
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, cast

import numpy as np
import soxr
from scipy.cluster.hierarchy import fcluster, linkage  # type: ignore[import-untyped]

from config.audio import HEARD_RATE_HZ
from config.emotions import NEUTRAL, Emotion, emotions
from config.settings import load_settings
from workers.engines import Speech, Synthesizer, Transcriber
from workers.registry import loader
from workers.text_to_speech.loudness import loudness_lufs
from workers.text_to_speech.pitch import pitch_hz

SENTENCES: Final = (
    "I was just thinking about you.",
    "We can watch that movie together, and I will bring the snacks.",
    "It was raining all day, so I stayed in bed with a good book until evening.",
    "You should totally come over on Friday.",
)
"""With no feeling in the words, so that all of it is in the voice."""
SEMITONES_HEARD: Final = 1.0
"""Of a voice's level from one sentence to the next; pure tones are told apart far sooner."""
PACE_HEARD: Final = 0.05
"""Quené, Journal of Phonetics 35 (2007): 5 % of tempo is just noticed in speech."""
DECIBELS_HEARD: Final = 1.0
EXTREMES: Final = ("excited", "astonished", "terrified", "furious", "joyful", "sad", "bored", "whispering", "sleepy")


@dataclass(frozen=True, slots=True)
class Heard:
    """What is measured of some sentences, against the same in the everyday voice."""

    semitones: float
    pace: float
    """1.1 is 10 % quicker."""
    decibels: float
    melody: float
    """Times as wide, in semitones."""

    @property
    def steps(self) -> tuple[float, float, float]:
        """In differences that are just heard."""
        return (
            self.semitones / SEMITONES_HEARD,
            float(np.log(self.pace) / np.log1p(PACE_HEARD)),
            self.decibels / DECIBELS_HEARD,
        )

    @property
    def is_heard(self) -> bool:
        return max(map(abs, self.steps)) >= 1


@dataclass(frozen=True, slots=True)
class Said:
    """Measured of one sentence."""

    hz: float
    seconds: float
    lufs: float
    width: float


def say(voice: Synthesizer, emotion: Emotion, sentences: Sequence[str] = SENTENCES) -> list[Said]:
    return [measured(voice.synthesize(text, language="en", emotion=emotion)) for text in sentences]


def measured(speech: Speech) -> Said:
    pitch = pitch_hz(speech.pcm, speech.rate_hz)
    steps = 12 * np.log2(pitch / np.median(pitch))
    # Between the 10th and 90th hundredth, so that a frame that was taken an octave off does not count.
    low, high = np.percentile(steps, (10, 90))
    lufs = loudness_lufs(speech.pcm, speech.rate_hz)
    return Said(float(np.median(pitch)), len(speech.pcm) / speech.rate_hz, lufs, float(high - low))


def compared(said: Sequence[Said], usual: Sequence[Said]) -> Heard:
    """The mean over sentences."""
    pairs = list(zip(said, usual, strict=True))
    return Heard(
        float(np.mean([12 * np.log2(now.hz / then.hz) for now, then in pairs])),
        sum(then.seconds for then in usual) / sum(now.seconds for now in said),
        float(np.mean([now.lufs - then.lufs for now, then in pairs])),
        float(np.mean([now.width for now in said]) / np.mean([then.width for then in usual])),
    )


def groups(heard: Sequence[Heard]) -> list[int]:
    """The number of each one's group; any two of a group differ by less than is heard in everything."""
    if len(heard) < 2:
        return [1] * len(heard)
    tree = linkage([one.steps for one in heard], method="complete", metric="chebyshev")
    return [int(number) for number in fcluster(tree, t=0.999, criterion="distance")]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("engines", nargs="*", default=["hibari", "piper"])
    parser.add_argument("--listen", action="store_true", help="what Whisper understands of the strongest instead")
    chosen = parser.parse_args()
    for name in chosen.engines:
        voice = cast("Synthesizer", loader("synthesize", name)(load_settings()))
        print(f"\n### {name}\n")
        if chosen.listen:
            _print_understood(voice)
        else:
            _print_table(voice)


def _print_table(voice: Synthesizer) -> None:
    usual = say(voice, NEUTRAL)
    all_heard = {emotion: compared(say(voice, emotion), usual) for emotion in emotions()}
    numbers = groups(list(all_heard.values()))
    print("| emotion | pitch, semitones | pace, % | loudness, dB | melody, % | heard | group |")
    print("|---|---|---|---|---|---|---|")
    for (emotion, heard), number in zip(all_heard.items(), numbers, strict=True):
        print(
            f"| {emotion.name} | {heard.semitones:+.1f} | {100 * heard.pace - 100:+.0f} | {heard.decibels:+.1f} "
            f"| {100 * heard.melody - 100:+.0f} | {'yes' if heard.is_heard else 'no'} | {number} |"
        )
    print(f"\n{sum(heard.is_heard for heard in all_heard.values())} of {len(numbers)} are heard, ", end="")
    print(f"in {len(set(numbers))} groups:\n")
    for number in sorted(set(numbers)):
        alike = [emotion.name for emotion, own in zip(all_heard, numbers, strict=True) if own == number]
        print(f"- {number}: {', '.join(alike)}")


def _plain(text: str) -> str:
    return re.sub(r"[^a-z ]", "", text.lower()).strip()


def _print_understood(voice: Synthesizer) -> None:
    from jiwer import process_words

    whisper = cast("Transcriber", loader("transcribe", "faster-whisper")(load_settings()))
    print("| emotion | wrong words |\n|---|---|")
    for name in (NEUTRAL.name, *EXTREMES):
        heard = []
        for text in SENTENCES:
            speech = voice.synthesize(text, language="en", emotion=emotions().find(name))
            pcm = soxr.resample(speech.pcm, speech.rate_hz, HEARD_RATE_HZ)
            heard.append(_plain(whisper.transcribe(pcm, language="en").text))
        found = process_words([_plain(text) for text in SENTENCES], heard)
        wrong = found.substitutions + found.deletions + found.insertions
        print(f"| {name} | {wrong} of {wrong + found.hits - found.insertions} |")


if __name__ == "__main__":
    main()
