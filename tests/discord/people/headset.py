"""A simulated person's seat in a voice room: speaks Opus into it, and keeps what it hears."""

import asyncio
import random
import time
from dataclasses import dataclass, field
from typing import Final

import numpy as np
import numpy.typing as npt

from bot.voice.opus import OpusDecoder
from config.audio import FRAME_MS, HEARD_RATE_HZ, SPOKEN_FRAME_SAMPLES
from tests.discord.events import Json
from tests.discord.people.e2ee import PersonalDave
from tests.discord.voice.ops import Op
from tests.discord.voice.room import Room
from tests.discord.voice.rtp import AUDIO_LEVEL, RtpPacket

SILENCE: Final = b"\xf8\xff\xfe"
"""The Opus frame that ends a stretch of speech, five times."""
TRAILING_SILENCES: Final = 5
IN_FLIGHT_PACKETS: Final = 5
"""100 ms: so many packets may still go out under the keys of before a transition."""


@dataclass(frozen=True, slots=True)
class HeardPacket:
    """A voice packet that reached a person."""

    at: float
    """``time.monotonic()``."""
    user_id: int
    sequence: int
    timestamp: int
    sent: bytes
    """As it came: DAVE's frame, or Opus."""
    opus: bytes | None
    """None when it couldn't be decrypted."""

    @property
    def is_silence(self) -> bool:
        return self.opus == SILENCE


@dataclass(slots=True)
class Heard:
    """What one person heard from another, in the order it came."""

    packets: list[HeardPacket] = field(default_factory=list)

    def undecryptable(self, since: int = IN_FLIGHT_PACKETS) -> int:
        """How many couldn't be decrypted. The first few may be: they were sent before their sender read op 22."""
        return sum(packet.opus is None for packet in self.packets[since:])

    def pcm(self) -> npt.NDArray[np.int16]:
        """All of it decoded, mono at 16 kHz; gaps between packets are not filled."""
        decoder = OpusDecoder(HEARD_RATE_HZ)
        frames = [decoder.decode(packet.opus) for packet in self.packets if packet.opus]
        return np.concatenate([np.empty(0, np.int16), *frames])


@dataclass(slots=True)
class Habits:
    """How a person's client sends. The defaults are those of official clients."""

    has_extension: bool = True
    padding: int = 0
    csrcs: tuple[int, ...] = ()
    speaking_after_packets: int = 0
    """Op 5 comes only after this many packets."""
    announces_video: bool = False
    """Names its SSRC by op 12 when it joins, as clients with a camera do."""
    trailing_silences: int = TRAILING_SILENCES
    is_deaf: bool = False
    """Doesn't decrypt or keep what others say: for many speakers that only one client listens to."""


class Headset:
    """Belongs to the simulator's loop."""

    def __init__(self, user_id: int, room: Room, dave_version: int, seed: str) -> None:
        chance = random.Random(f"headset:{seed}:{user_id}")
        self.user_id = user_id
        self.room = room
        self.max_dave_version = dave_version
        self.ssrc = chance.getrandbits(24) << 3 | 1
        self.habits = Habits()
        self.heard: dict[int, Heard] = {}
        self.ssrcs: dict[int, int] = {}
        """Whose each SSRC is, from op 5."""
        self.dave = PersonalDave(self)
        self.sequence = chance.getrandbits(16)
        self.timestamp = chance.getrandbits(32)
        self._news: set[asyncio.Future[None]] = set()

    async def join(self) -> None:
        version = self.room.dave.version_with(self)
        self.room.seats[self.user_id] = self
        await self.dave.begin(version)
        await self.room.enter(self)
        self.dave.take_seat()
        if self.habits.announces_video:
            for other in self.room.others(self):
                data: Json = {"user_id": str(self.user_id), "audio_ssrc": self.ssrc, "video_ssrc": 0, "streams": []}
                await other.tell(Op.VIDEO, data)

    async def leave(self) -> None:
        await self.room.leave(self)

    async def tell(self, op: int, data: Json) -> None:
        if op == Op.SPEAKING:
            self.ssrcs[data["ssrc"]] = int(data["user_id"])
        await self.dave.receive(op, data)

    async def tell_binary(self, op: int, payload: bytes) -> None:
        await self.dave.receive_binary(op, payload)

    def hear(self, packet: RtpPacket) -> None:
        if self.habits.is_deaf:
            return
        user_id = self.ssrcs.get(packet.ssrc, 0)
        opus = self.dave.decrypt(user_id, packet.payload)
        heard = HeardPacket(time.monotonic(), user_id, packet.sequence, packet.timestamp, packet.payload, opus)
        self.heard.setdefault(user_id, Heard()).packets.append(heard)
        for waiter in self._news:
            if not waiter.done():
                waiter.set_result(None)

    async def something_heard(self) -> None:
        """Returns at the next packet."""
        waiter = asyncio.get_running_loop().create_future()
        self._news.add(waiter)
        try:
            await waiter
        finally:
            self._news.discard(waiter)

    async def send_packets(self, packets: list[bytes], frame_seconds: float = FRAME_MS / 1000) -> None:
        """One stretch of speech: op 5, the packets in their time, silence, op 5 again. Cancelling it ends the
        stretch there, as when someone breaks off."""
        loop = asyncio.get_running_loop()
        begun = loop.time()
        try:
            for index, opus in enumerate([*packets, *[SILENCE] * self.habits.trailing_silences]):
                if index == self.habits.speaking_after_packets:
                    await self.room.speaking(self, 1)
                self.send_opus(opus)
                if (wait := begun + (index + 1) * frame_seconds - loop.time()) > 0:
                    await asyncio.sleep(wait)
                elif index % 10 == 0:
                    await asyncio.sleep(0)
        finally:
            await self.room.speaking(self, 0)

    def send_opus(self, opus: bytes) -> None:
        self.room.forward(self, self.packet(opus))

    def packet(self, opus: bytes) -> RtpPacket:
        """The next packet of this person's stream, encrypted end to end when the call is."""
        self.sequence = (self.sequence + 1) & 0xFFFF
        self.timestamp = (self.timestamp + SPOKEN_FRAME_SAMPLES) & 0xFFFFFFFF
        habits = self.habits
        return RtpPacket(
            self.sequence,
            self.timestamp,
            self.ssrc,
            self.dave.encrypt(opus),
            csrcs=habits.csrcs,
            extension=AUDIO_LEVEL if habits.has_extension else None,
            padding=habits.padding,
        )
