"""What a simulated person says, made ready beforehand, and when its sound begins and ends."""

import time
from dataclasses import dataclass
from typing import Final

import numpy as np
import soxr

from bot.local.wavs import HeardPcm, acoustic_end
from config.audio import FRAME_MS, HEARD_RATE_HZ
from tests.discord.people.headset import Heard
from tests.discord.people.person import Person, at_spoken_rate
from workers.engines import Synthesizer
from workers.opus import OpusEncoder

FRAME_SECONDS: Final = FRAME_MS / 1000
LEAD_SAMPLES: Final = HEARD_RATE_HZ * 40 // 1000
"""Of quiet before the first sound: a client begins to send when it hears somebody."""
PAUSE_SECONDS: Final = 0.1
"""So long without a packet is a pause; one lost packet makes 40 ms."""


@dataclass(frozen=True, slots=True)
class Spoken:
    """When it was heard in the person's own room, ``time.monotonic()``."""

    began_at: float
    ended_at: float


@dataclass(frozen=True, slots=True)
class Saying:
    text: str
    packets: list[bytes]
    begins: float
    """Seconds of quiet before its first sound."""
    ends: float

    @classmethod
    def of(cls, text: str, pcm: HeardPcm) -> "Saying":
        first = max(0, len(pcm) - acoustic_end(pcm[::-1]) - LEAD_SAMPLES)
        heard = pcm[first:]
        begins = len(heard) - acoustic_end(heard[::-1])
        packets = OpusEncoder().encode(at_spoken_rate(heard, HEARD_RATE_HZ))
        return cls(text, packets, begins / HEARD_RATE_HZ, acoustic_end(heard) / HEARD_RATE_HZ)

    @classmethod
    def by(cls, voice: Synthesizer, text: str) -> "Saying":
        speech = voice.synthesize(text, language="en")
        pcm = soxr.resample(speech.pcm, speech.rate_hz, HEARD_RATE_HZ)
        return cls.of(text, (np.clip(pcm, -1, 1) * 32767).astype(np.int16))

    async def said_by(self, person: Person) -> Spoken:
        """Returns when its last packet was sent. A client can send 20 ms of sound only when they are over."""
        zero = time.monotonic() - FRAME_SECONDS
        await person.headset.send_packets(self.packets)
        return Spoken(zero + self.begins, zero + self.ends)


def sounds(heard: Heard) -> list[float]:
    """When each packet with sound came."""
    return [packet.at for packet in heard.packets if packet.opus and not packet.is_silence]


def pause_after(times: list[float], since: float) -> tuple[float, float | None] | None:
    """The last sound before she paused, and the first behind the pause, if one came. None: she was silent already."""
    for last, following in zip(times, [*times[1:], None], strict=True):
        is_pause = following is None or following - last >= PAUSE_SECONDS
        if is_pause and (following is None or following > since):
            return (last, following) if last >= since else None
    return None
