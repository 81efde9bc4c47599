"""From what a voice said to what Discord plays."""

from collections.abc import Iterator

import numpy as np
import soxr

from config.audio import FRAME_MS, SPOKEN_RATE_HZ
from workers.engines import Speech
from workers.opus import BITS_PER_SECOND, OpusEncoder


def spoken_packets(speech: Speech, *, bits_per_second: int = BITS_PER_SECOND) -> tuple[list[bytes], int]:
    """Opus packets of 20 ms at 48 kHz, and how many milliseconds they play. Nothing said, no packets.

    Raises LibopusMissing."""
    packets = list(packets_as_made(speech, bits_per_second=bits_per_second))
    return packets, len(packets) * FRAME_MS


def packets_as_made(speech: Speech, *, bits_per_second: int = BITS_PER_SECOND) -> Iterator[bytes]:
    """The packets of ``spoken_packets``, each encoded when it is asked for: 5 to 9 ms for a second of speech.

    Raises LibopusMissing."""
    pcm = speech.pcm
    if pcm.size and speech.rate_hz != SPOKEN_RATE_HZ:
        pcm = soxr.resample(pcm, speech.rate_hz, SPOKEN_RATE_HZ)
    yield from OpusEncoder(bits_per_second).packets(np.clip(pcm, -1, 1, dtype=np.float32))


def encode_once() -> None:
    """Look for libopus, which takes another program or two, and make ready to encode, while nobody waits for it.

    Raises LibopusMissing."""
    rate_hz = 24_000
    spoken_packets(Speech(np.zeros(rate_hz // 2, np.float32), rate_hz))
