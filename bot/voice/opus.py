"""Decode Opus packets to PCM, and fill in for those that were lost."""

import ctypes
import weakref
from typing import Final, Literal

import numpy as np
import numpy.typing as npt

from config.audio import FRAME_MS, SPOKEN_RATE_HZ
from config.libopus import check, libopus

type Samples = npt.NDArray[np.int16]
"""Mono int16 samples, one dimension."""

LONGEST_PACKET_MS: Final = 120
"""Most that one packet can hold (RFC 6716, 3.2.5)."""
RESET_STATE: Final = 4028
"""OPUS_RESET_STATE of include/opus_defines.h."""


class OpusDecoder:
    """One speaker's decoder: packets in order, samples out. libopus resamples and mixes down by itself, so
    speech for Whisper is decoded straight to 16 kHz mono, whatever was sent. Belongs to one thread.

    Raises LibopusMissing when it is made."""

    def __init__(self, rate_hz: Literal[8_000, 12_000, 16_000, 24_000, 48_000] = SPOKEN_RATE_HZ) -> None:
        self.rate_hz = rate_hz
        self.frame_samples = rate_hz * FRAME_MS // 1000
        self._opus = libopus()
        error = ctypes.c_int()
        self._decoder = ctypes.c_void_p(self._opus.opus_decoder_create(rate_hz, 1, ctypes.byref(error)))
        check(self._opus, error.value)
        self._closer = weakref.finalize(self, self._opus.opus_decoder_destroy, self._decoder)
        self._longest = rate_hz * LONGEST_PACKET_MS // 1000
        self._samples = np.empty(self._longest, np.int16)

    def decode(self, packet: bytes) -> Samples:
        """The samples of one packet. Raises OpusError when it is no Opus packet; the decoder stays usable."""
        if not packet:
            return self.conceal()  # libopus reads no bytes as a loss; say so here instead of by accident
        return self._decode(packet, self._longest, recover=False)

    def recover(self, following: bytes) -> Samples:
        """The 20 ms lost just before ``following``, from the copy that its sender put in (in-band FEC); where
        there is none, concealed. Decode ``following`` itself afterwards. Raises OpusError."""
        if not following:
            return self.conceal()
        return self._decode(following, self.frame_samples, recover=True)

    def conceal(self, frames: int = 1) -> Samples:
        """A guess at ``frames`` lost frames of 20 ms: the voice goes on a little and fades to silence."""
        return np.concatenate([self._decode(None, self.frame_samples, recover=False) for _ in range(frames)])

    def reset(self) -> None:
        """Forget what was heard: another stream begins."""
        check(self._opus, self._opus.opus_decoder_ctl(self._decoder, RESET_STATE))

    def _decode(self, packet: bytes | None, most: int, *, recover: bool) -> Samples:
        count = self._opus.opus_decode(
            self._decoder,
            packet,
            len(packet) if packet else 0,
            self._samples.ctypes.data,
            most,
            int(recover),
        )
        return self._samples[: check(self._opus, count)].copy()


def decode_packets(packets: list[bytes], rate_hz: Literal[16_000, 48_000] = SPOKEN_RATE_HZ) -> Samples:
    """All samples of one segment. Raises OpusError."""
    decoder = OpusDecoder(rate_hz)
    return np.concatenate([np.empty(0, np.int16), *map(decoder.decode, packets)])
