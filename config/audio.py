"""The two shapes that sound has here: what Whisper hears, and what Discord plays."""

from typing import Final

HEARD_RATE_HZ: Final = 16_000
"""Sample rate of everything we listen to: what Whisper, Silero VAD and smart-turn were trained on."""

SPOKEN_RATE_HZ: Final = 48_000
"""Sample rate of everything we say: Discord's RTP clock, and what Opus runs at inside."""

FRAME_MS: Final = 20
"""One packet of Opus, one frame of PCM: Discord's packet time."""

HEARD_FRAME_SAMPLES: Final = HEARD_RATE_HZ * FRAME_MS // 1000
SPOKEN_FRAME_SAMPLES: Final = SPOKEN_RATE_HZ * FRAME_MS // 1000

VAD_WINDOW_SAMPLES: Final = 512
"""Silero VAD's fixed window: 32 ms at 16 kHz."""
