"""Encode speech as the Opus packets that Discord plays: 48 kHz, mono, 20 ms each (RFC 6716)."""

import ctypes
import weakref
from collections.abc import Iterator
from typing import Final

import numpy as np
import numpy.typing as npt

from config.audio import SPOKEN_FRAME_SAMPLES, SPOKEN_RATE_HZ
from config.libopus import check, libopus

# Numbers of include/opus_defines.h.
APPLICATION_VOIP: Final = 2048
SET_BITRATE: Final = 4002
SET_COMPLEXITY: Final = 4010
SET_INBAND_FEC: Final = 4012
SET_PACKET_LOSS_PERCENT: Final = 4014
SET_SIGNAL: Final = 4024
GET_LOOKAHEAD: Final = 4027
SIGNAL_VOICE: Final = 3001

BITS_PER_SECOND: Final = 64_000
"""Discord's own default for a voice channel; speech at this rate can't be told from the original."""
COMPLEXITY: Final = 1
"""0 to 10. Measured (docs/text-to-speech.md): 2 and more cost twice the time, with the same spectrum at 64 kbit/s."""
EXPECTED_LOSS_PERCENT: Final = 5
"""How much of the bits goes into the copy of the packet before, in case it is lost."""
LONGEST_PACKET_BYTES: Final = 1275
"""Most that one 20 ms frame can take, whatever the bitrate (RFC 6716, 3.4)."""


class OpusEncoder:
    """One stretch of speech in, its packets out. One per segment: segments are made by many workers at
    once, so none can start from the state another ended in. Belongs to one thread; encoding releases the GIL.

    Raises LibopusMissing when it is made, OpusError when libopus refuses."""

    def __init__(self, bits_per_second: int = BITS_PER_SECOND, complexity: int = COMPLEXITY) -> None:
        self._opus = libopus()
        error = ctypes.c_int()
        self._encoder = ctypes.c_void_p(
            self._opus.opus_encoder_create(SPOKEN_RATE_HZ, 1, APPLICATION_VOIP, ctypes.byref(error))
        )
        check(self._opus, error.value)
        self._closer = weakref.finalize(self, self._opus.opus_encoder_destroy, self._encoder)
        self._packet = ctypes.create_string_buffer(LONGEST_PACKET_BYTES)
        self._set(SET_BITRATE, bits_per_second)
        self._set(SET_COMPLEXITY, complexity)
        self._set(SET_SIGNAL, SIGNAL_VOICE)
        self._set(SET_INBAND_FEC, 1)
        self._set(SET_PACKET_LOSS_PERCENT, EXPECTED_LOSS_PERCENT)
        lookahead = ctypes.c_int32()
        check(self._opus, self._opus.opus_encoder_ctl(self._encoder, GET_LOOKAHEAD, ctypes.byref(lookahead)))
        self.lookahead_samples: int = lookahead.value
        """How far a decoder's output lags behind what went in."""

    def encode(self, pcm: npt.NDArray[np.float32] | npt.NDArray[np.int16]) -> list[bytes]:
        """``packets`` at once."""
        return list(self.packets(pcm))

    def packets(self, pcm: npt.NDArray[np.float32] | npt.NDArray[np.int16]) -> Iterator[bytes]:
        """Packets of all of ``pcm`` (mono, 48 kHz), each encoded when it is asked for. Silence fills the last frame,
        and as much more is added as the encoder looks ahead, so that the end comes out of the decoder too. No samples,
        no packets."""
        if pcm.size == 0:
            return
        samples = pcm.astype(np.float32) / 32768 if pcm.dtype == np.int16 else pcm
        frames = -(-(len(samples) + self.lookahead_samples) // SPOKEN_FRAME_SAMPLES)
        padded = np.zeros(frames * SPOKEN_FRAME_SAMPLES, np.float32)
        padded[: len(samples)] = samples
        for frame in padded.reshape(frames, SPOKEN_FRAME_SAMPLES):
            yield self._encode_frame(frame)

    def _encode_frame(self, frame: npt.NDArray[np.float32]) -> bytes:
        length = check(
            self._opus,
            self._opus.opus_encode_float(
                self._encoder, frame.ctypes.data, SPOKEN_FRAME_SAMPLES, self._packet, LONGEST_PACKET_BYTES
            ),
        )
        return self._packet.raw[:length]

    def _set(self, request: int, value: int) -> None:
        check(self._opus, self._opus.opus_encoder_ctl(self._encoder, request, ctypes.c_int32(value)))
