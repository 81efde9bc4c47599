"""Voice messages: fetch one, and decode it to what Whisper hears. Nothing is ever written to disk."""

import asyncio
from typing import Final, Literal

import aiohttp
import nextcord
import numpy as np

from bot.text.ogg import GRANULE_HZ, BadOgg, OpusStream, read_opus
from bot.voice.opus import OpusDecoder, Samples
from config.audio import HEARD_RATE_HZ
from config.libopus import LibopusMissing, OpusError

IS_VOICE_MESSAGE: Final = 1 << 13
"""Flag of a message that the app's microphone button made."""
LONGEST_SECONDS: Final = 300
LARGEST_BYTES: Final = 8 << 20
"""Five minutes at the highest rate that Discord's apps record at are 5 MB."""
FETCH_SECONDS: Final = 10.0
STEP: Final = GRANULE_HZ // HEARD_RATE_HZ
LARGEST: Final = 32_767

type Trouble = Literal["too-long", "unreadable", "unreachable"]


class NotHeard(Exception):
    """A voice message that can't be listened to. ``trouble`` decides what is said; the message is for logs."""

    def __init__(self, trouble: Trouble, detail: str) -> None:
        super().__init__(f"{trouble}: {detail}")
        self.trouble: Final = trouble


def voice_message_of(message: nextcord.Message) -> nextcord.Attachment | None:
    """The recording of a message, be it made by the app or attached as a file."""
    is_recorded = bool(message.flags.value & IS_VOICE_MESSAGE)
    for attachment in message.attachments:
        kind = (attachment.content_type or "").split(";")[0].strip().lower()
        if kind == "audio/ogg" or (is_recorded and not kind):
            return attachment
    return None


async def fetch_speech(attachment: nextcord.Attachment) -> bytes:
    """16 kHz mono int16 PCM of a recording. It comes from where Discord keeps this message's attachment, and
    from nowhere else. Raises NotHeard."""
    if attachment.size > LARGEST_BYTES or (attachment.duration_secs or 0) > LONGEST_SECONDS:
        raise NotHeard("too-long", f"{attachment.size} bytes, {attachment.duration_secs} s")
    try:
        async with asyncio.timeout(FETCH_SECONDS):
            content = await attachment.read()
    except (TimeoutError, nextcord.DiscordException, aiohttp.ClientError, OSError) as error:
        raise NotHeard("unreachable", repr(error)) from error
    # A second of speech takes 5 ms to decode: never on the event loop.
    return await asyncio.to_thread(decode_speech, content)


def decode_speech(content: bytes) -> bytes:
    """16 kHz mono int16 PCM of an Ogg Opus file. Raises NotHeard."""
    if len(content) > LARGEST_BYTES:
        raise NotHeard("too-long", f"{len(content)} bytes")
    try:
        return _decode(read_opus(content)).tobytes()
    except (BadOgg, OpusError, LibopusMissing) as error:
        raise NotHeard("unreadable", str(error)) from error


def _decode(stream: OpusStream) -> Samples:
    """Raises NotHeard, OpusError."""
    decoder = OpusDecoder(HEARD_RATE_HZ)
    most = LONGEST_SECONDS * HEARD_RATE_HZ + stream.skipped // STEP
    pieces: list[Samples] = []
    count = 0
    for packet in stream.packets:
        pieces.append(decoder.decode(packet))
        count += len(pieces[-1])
        if count > most:
            raise NotHeard("too-long", f"more than {LONGEST_SECONDS} s")
    samples = np.concatenate([np.empty(0, np.int16), *pieces])[stream.skipped // STEP :]
    if stream.length is not None:
        samples = samples[: stream.length // STEP]
    if not stream.gain_db:
        return samples
    louder = samples.astype(np.float32) * np.float32(10 ** (stream.gain_db / 20))
    clipped: Samples = np.clip(louder, -LARGEST, LARGEST).astype(np.int16)
    return clipped
