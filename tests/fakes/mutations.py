"""Voice packets as nobody should send them: seeded changes to good ones, before or after they are sealed.

A change before sealing tries what lies behind the key; one after it is a forgery, and must be worth nothing.
"""

import random
from collections.abc import Iterator
from dataclasses import dataclass

from bot.voice.rtp import SILENCE
from tests.fakes.dave_group import Group
from tests.fakes.voice_packets import KEY, Wire, spoken

ASHA, PRIYA = 1001, 9
SSRC = 7
STRANGER_KEY = bytes(reversed(KEY))


@dataclass(frozen=True, slots=True)
class Attack:
    """One datagram, and whether anybody who holds the call's keys made it."""

    datagram: bytes
    is_forged: bool
    is_new: bool = True
    """False: it is the very packet that was sent before."""


class Attacker:
    """Writes datagrams for ever, the same for the same seed. ``group`` lends the speaker's seal."""

    def __init__(self, seed: int, group: Group, mode: str) -> None:
        self.chance = random.Random(seed)
        self.speaker = group[ASHA]
        self.speaker.begin_epoch(SSRC)
        self.wire = Wire(SSRC, mode=mode)
        self.stranger = Wire(SSRC, mode=mode, key=STRANGER_KEY)
        self.payloads = [*spoken(1.0), SILENCE]
        self.sent: list[bytes] = []

    def attacks(self, count: int) -> Iterator[Attack]:
        kinds = (self.good, self.flipped, self.cut, self.grown, self.noise, self.replayed, self.foreign_key,
                 self.wrong_inside, self.odd_opus, self.odd_frame, self.odd_header)  # fmt: skip
        for _ in range(count):
            yield self.chance.choice(kinds)()

    def good(self) -> Attack:
        sealed = self.wire.packet(self.speaker.seal(SSRC, self.chance.choice(self.payloads)))
        self.sent = [*self.sent[-40:], sealed]
        return Attack(sealed, is_forged=False)

    def flipped(self) -> Attack:
        datagram = bytearray(self._recent())
        for _ in range(self.chance.randint(1, 4)):
            datagram[self.chance.randrange(len(datagram))] ^= self.chance.randint(1, 255)
        return self._forged(bytes(datagram))

    def cut(self) -> Attack:
        datagram = self._recent()
        return self._forged(datagram[: self.chance.randrange(len(datagram))])

    def grown(self) -> Attack:
        return self._forged(self._recent() + self.chance.randbytes(self.chance.choice((1, 4, 200, 3000))))

    def noise(self) -> Attack:
        start = self.chance.choice((b"", b"\x80\x78", b"\x90\x78", b"\xbf\x78", b"\x81\xc8"))
        return self._forged(start + self.chance.randbytes(self.chance.randrange(400)))

    def replayed(self) -> Attack:
        return Attack(self._recent(), is_forged=True, is_new=False)

    def foreign_key(self) -> Attack:
        self.stranger.sequence = self.wire.sequence
        return self._forged(self.stranger.packet(self.chance.choice(self.payloads)))

    def wrong_inside(self) -> Attack:
        """A server's packet whose end-to-end seal was broken: somebody between the speaker and us."""
        frame = bytearray(self.speaker.seal(SSRC, self.chance.choice(self.payloads[:-1])))
        frame[self.chance.randrange(len(frame))] ^= self.chance.randint(1, 255)
        return Attack(self.wire.packet(bytes(frame)), is_forged=bytes(frame) != SILENCE)

    def odd_opus(self) -> Attack:
        """A speaker who seals what is no Opus."""
        size = self.chance.choice((1, 2, 3, 10, 200, 1275, 1400))
        return Attack(self.wire.packet(self.speaker.seal(SSRC, self.chance.randbytes(size))), is_forged=False)

    def odd_frame(self) -> Attack:
        """Bytes that are no DAVE frame, or end like one."""
        end = self.chance.choice((b"", b"\xfa\xfa", b"\x0c\xfa\xfa", b"\xff\xfa\xfa"))
        frame = self.chance.randbytes(self.chance.randrange(60)) + end
        return Attack(self.wire.packet(frame), is_forged=frame != SILENCE)

    def odd_header(self) -> Attack:
        """Whatever a header may claim, over a good frame."""
        frame = self.speaker.seal(SSRC, self.chance.choice(self.payloads))
        self.wire.timestamp += self.chance.choice((0, 0, 1, -5_000, 2**31, 48_000))
        self.wire.sequence += self.chance.choice((0,) * 60 + (1, 3, 300, 40_000))
        datagram = self.wire.packet(
            frame,
            csrc=self.chance.randrange(16),
            extension=self.chance.choice((None, b"", bytes(8), bytes(400))),
            padding=self.chance.choice((0, 1, 16, 255)),
        )
        return Attack(datagram, is_forged=False)

    def _recent(self) -> bytes:
        return self.chance.choice(self.sent) if self.sent else self.good().datagram

    def _forged(self, datagram: bytes) -> Attack:
        """A change that changes nothing is none."""
        return Attack(datagram, is_forged=True)
