"""Sound files in and out of the local room: any common wav to what she hears, her packets to a wav."""

from collections.abc import Iterable
from pathlib import Path
from typing import Final

import numpy as np
import numpy.typing as npt
import soundfile
import soxr

from bot.voice.opus import OpusDecoder
from config.audio import HEARD_RATE_HZ, SPOKEN_RATE_HZ

LONGEST_FILE_SECONDS: Final = 300
SHORTEST_FILE_SECONDS: Final = 0.1

type HeardPcm = npt.NDArray[np.int16]
"""16 kHz mono."""

EDGE_MS: Final = 10
SPEECH_END_BELOW_PEAK: Final = 0.02
"""-34 dB: quieter than any phoneme of the loudest word, louder than a voice's own noise."""


class WavError(Exception):
    """The file can't be listened to. The message names it, says why and what would do."""


def read_wav(file: Path) -> HeardPcm:
    """16 kHz mono samples of a sound file of any common rate and channel count. Raises WavError."""
    try:
        if file.is_dir():
            raise WavError(f"{file}: that is a folder")
        if file.stat().st_size == 0:
            raise WavError(f"{file}: the file is empty")
        with soundfile.SoundFile(file) as sound:
            seconds = sound.frames / sound.samplerate
            if seconds > LONGEST_FILE_SECONDS:
                raise WavError(
                    f"{file}: {seconds:.0f} s long, at most {LONGEST_FILE_SECONDS} s can be said at once; cut it"
                )
            if seconds < SHORTEST_FILE_SECONDS:
                raise WavError(f"{file}: {seconds:.2f} s long, nothing can be said in that")
            samples = sound.read(dtype="float32", always_2d=True)
            rate_hz = sound.samplerate
    except FileNotFoundError:
        raise WavError(f"{file}: there is no such file") from None
    except OSError as error:
        raise WavError(f"{file}: can't be read ({error.strerror})") from error
    except soundfile.LibsndfileError as error:
        raise WavError(f"{file}: not a sound file that can be read ({error.error_string})") from error
    mono = np.nan_to_num(samples.mean(axis=1))
    heard = soxr.resample(mono, rate_hz, HEARD_RATE_HZ)
    pcm: HeardPcm = (np.clip(heard, -1.0, 1.0) * 32767).astype(np.int16)
    return pcm


def acoustic_end(pcm: HeardPcm) -> int:
    """Where speech ends by its sound alone: the sample after the last 10 ms that are not quiet.

    The honest zero of all timings: it does not depend on what our own voice detection believes.
    """
    edge = HEARD_RATE_HZ * EDGE_MS // 1000
    whole = pcm[: len(pcm) // edge * edge].astype(np.float32).reshape(-1, edge)
    loudness = np.sqrt((whole**2).mean(axis=1))
    if not loudness.size or loudness.max() == 0:
        return len(pcm)
    return int(np.flatnonzero(loudness > SPEECH_END_BELOW_PEAK * loudness.max())[-1] + 1) * edge


def check_output(file: Path) -> None:
    """Whether an answer can be written there, before anybody is asked for it. Raises WavError."""
    if file.suffix.lower() != ".wav":
        raise WavError(f"{file}: the answer is written as a wav; give a name that ends in .wav")
    if file.is_dir():
        raise WavError(f"{file}: that is a folder")
    if not file.parent.is_dir():
        raise WavError(f"{file}: there is no folder {file.parent}")


def write_wav(file: Path, packets: Iterable[bytes]) -> float:
    """Her answer as a 48 kHz mono wav. Returns its seconds. Raises WavError."""
    pcm = decode(packets)
    try:
        soundfile.write(file, pcm, SPOKEN_RATE_HZ, subtype="PCM_16")
    except (soundfile.LibsndfileError, OSError) as error:
        raise WavError(f"{file}: can't be written ({error})") from error
    return len(pcm) / SPOKEN_RATE_HZ


def decode(packets: Iterable[bytes], decoder: OpusDecoder | None = None) -> npt.NDArray[np.int16]:
    """48 kHz mono samples of Opus packets of 20 ms, which go on where those ended that ``decoder`` had before."""
    decoder = decoder or OpusDecoder(SPOKEN_RATE_HZ)
    frames = [decoder.decode(packet) for packet in packets]
    return np.concatenate(frames) if frames else np.zeros(0, np.int16)
