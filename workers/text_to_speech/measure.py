"""``python -m workers.text_to_speech.measure``: the figures of docs/text-to-speech.md, made on this machine."""

import argparse
import os
import statistics
import time
from collections.abc import Callable
from typing import Final

import numpy as np

from config.settings import load_settings
from workers.engines import Pcm
from workers.registry import Load, loader
from workers.text_to_speech.loudness import loudness_lufs
from workers.text_to_speech.packets import spoken_packets
from workers.text_to_speech.voice import CalibratedVoice
from workers.text_to_speech.wording import sayable

SENTENCES: Final = (
    "Haan yaar, tell me!",
    "Hmm, okay.",
    "I was just thinking about you.",
    "Arre, that is so funny, I can't stop laughing.",
    "Wait, did you really say that to her face?",
    "I missed you today, where have you been?",
    "You should totally come over on Friday.",
    "No way, that is the best news I've heard all week!",
    "We can watch that movie together, and I'll bring the snacks.",
    "It was raining all day in Mumbai, so I made chai and stayed in bed with a good book until evening.",
)
"""As she speaks: a first clause, short answers, one long sentence."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--repeats", type=int, default=5, help="medians are of this many runs")
    parser.add_argument("engines", nargs="*", default=["hibari", "piper"])
    chosen = parser.parse_args()
    settings = load_settings()
    print(f"{os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}; medians of {chosen.repeats}")
    for name in chosen.engines:
        load: Load[object] = loader("synthesize", name)
        started = time.perf_counter()
        voice = load(settings)
        if not isinstance(voice, CalibratedVoice):
            raise SystemExit(f"{name} is no voice of ours: nothing to compare")
        print(f"\n{name}: loaded in {time.perf_counter() - started:.1f} s, gain {20 * np.log10(voice.gain):+.1f} dB")
        _measure(voice, chosen.repeats)


def _measure(voice: CalibratedVoice, repeats: int) -> None:
    print("speech s | speak ms | encode CPU ms | silence before ms, raw > ours | LUFS raw > ours | kbit/s")
    before, after = [], []
    for sentence in SENTENCES:
        raw = voice.raw(sayable(sentence, voice.language))
        speech = voice.synthesize(sentence, language="en")
        packets, milliseconds = spoken_packets(speech)
        speak = _median_ms(lambda said=sentence: voice.synthesize(said, language="en"), repeats)  # type: ignore[misc]
        encode = _median_ms(lambda said=speech: spoken_packets(said), repeats, time.thread_time)  # type: ignore[misc]
        before.append(loudness_lufs(raw, voice.rate_hz))
        after.append(loudness_lufs(speech.pcm, voice.rate_hz))
        silence = f"{_lead_ms(raw * voice.gain, voice.rate_hz):4.0f} > {_lead_ms(speech.pcm, voice.rate_hz):3.0f}"
        kilobits = sum(map(len, packets)) * 8 / milliseconds
        print(
            f"{len(speech.pcm) / speech.rate_hz:8.2f} | {speak:8.1f} | {encode:13.1f} | {silence:>28}  "
            f"| {before[-1]:6.1f} > {after[-1]:6.1f} | {kilobits:5.0f}"
        )
    print(f"mean LUFS {statistics.mean(before):.1f} > {statistics.mean(after):.1f}")


def _median_ms(work: Callable[[], object], repeats: int, clock: Callable[[], float] = time.perf_counter) -> float:
    taken = []
    for _ in range(repeats):
        started = clock()
        work()
        taken.append(clock() - started)
    return statistics.median(taken) * 1000


def _lead_ms(pcm: Pcm, rate_hz: int) -> float:
    """Milliseconds before the first sample above -40 dBFS."""
    return float(np.argmax(np.abs(pcm) > 0.01)) / rate_hz * 1000


if __name__ == "__main__":
    main()
