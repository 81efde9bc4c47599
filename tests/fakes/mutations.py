"""Voice packets as nobody should send them: changes to good ones, before or after they are sealed.

A change before sealing tries what lies behind the key; one after it is a forgery, and must be worth nothing.
"""

import random
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from itertools import islice
from typing import Any

from bot.voice.rtp import HEADER_BYTES, NONCE_BYTES, SILENCE, TAG_BYTES
from tests.fakes.dave_group import Group
from tests.fakes.voice_packets import KEY, Wire, spoken

ASHA, RAVI, PRIYA = 1001, 1002, 9
"""Asha may be heard, Ravi did not agree to it, Priya listens."""
SSRC, RAVIS_SSRC = 7, 8
NAMELESS = range(100, 140)
"""SSRCs of which the gateway says nothing: more than are waited for at a time, and far fewer than there are windows."""
STRANGER_KEY = bytes(reversed(KEY))
LONGEST_STEP = 30_000
"""Farther than half of the numbers, a step forwards is one back."""
_IN_A_ROW = 60
"""More packets than a restart needs (50)."""


class Worth(StrEnum):
    """What a datagram is by its making, whatever anybody takes it for."""

    GOOD = "good"
    FORGED = "forged"
    REPLAYED = "replayed"
    BROKEN_INSIDE = "broken inside"
    """The call's key is right, the end-to-end seal is not the speaker's."""
    NAMELESS = "nameless"
    UNWILLING = "without consent"


@dataclass(frozen=True, slots=True)
class Attack:
    """One datagram, and how it came about."""

    datagram: bytes
    worth: Worth
    kind: str


class Attacker:
    """Writes datagrams for ever. ``group`` lends the speakers' seals; without one it is a call without DAVE.

    The same seed gives the same datagrams in a call without DAVE. In one with DAVE it gives about the same attacks with
    other bytes: MLS draws its keys by itself."""

    def __init__(self, seed: int, group: Group | None, mode: str) -> None:
        self.chance = random.Random(seed)
        self.group = group
        if group:
            group[ASHA].begin_epoch(SSRC)
            group[RAVI].begin_epoch(RAVIS_SSRC)
        self.wire = Wire(SSRC, mode=mode)
        self.others = {ssrc: Wire(ssrc, mode=mode) for ssrc in (RAVIS_SSRC, *NAMELESS)}
        self.stranger = Wire(SSRC, mode=mode, key=STRANGER_KEY)
        self.payloads = [*spoken(1.0), SILENCE]
        self.made: dict[bytes, Worth] = {}
        """Everything that was sealed with the call's key: what is not here is forged."""
        self.frames: set[bytes] = set()
        """Everything that Asha sealed end to end."""
        self.recorded: list[bytes] = []
        """What was made and sent, in this order."""
        self._sent: set[bytes] = set()
        self._under_way: list[bytes] = []

    def attacks(self, count: int) -> Iterator[Attack]:
        return islice(self._endless(), count)

    def _endless(self) -> Iterator[Attack]:
        kinds = [self.good, self.delayed, self.flipped, self.reheaded, self.spliced, self.cut, self.grown, self.noise,
                 self.replayed, self.foreign_key, self.odd_opus, self.odd_frame, self.odd_header, self.nameless,
                 self.unwilling]  # fmt: skip
        kinds += [self.wrong_inside, self.borrowed_seal] if self.group else []
        rows = [self.restarted, self.rehearsed, self.come_round]
        # A row is up to 60 packets long, but the last kind, which is four.
        weights = [10] * len(kinds) + [1, 1, 3]
        while True:
            kind = self.chance.choices([*kinds, *rows], weights)[0]
            for datagram in kind():
                yield Attack(datagram, self._worth(datagram), kind.__name__)

    def _worth(self, datagram: bytes) -> Worth:
        """By its bytes: a change that changes nothing is a replay."""
        worth = self.made.get(datagram)
        if worth is None:
            return Worth.FORGED
        if datagram in self._sent:
            return Worth.REPLAYED
        self._sent.add(datagram)
        self.recorded.append(datagram)
        return worth

    def good(self) -> list[bytes]:
        return [self._good()]

    def delayed(self) -> list[bytes]:
        """Some come a little later than others, and some so late that they are too old."""
        self._under_way.append(self._good())
        if len(self._under_way) < 4:
            return []
        return [self._under_way.pop(self.chance.randrange(len(self._under_way)))]

    def flipped(self) -> list[bytes]:
        datagram = bytearray(self._recent())
        tag, nonce = len(datagram) - TAG_BYTES - NONCE_BYTES, len(datagram) - NONCE_BYTES
        parts = [(0, HEADER_BYTES), (HEADER_BYTES, tag), (tag, nonce), (nonce, len(datagram)), (0, len(datagram))]
        first, end = self.chance.choice([part for part in parts if part[0] < part[1]])
        for _ in range(self.chance.randint(1, 4)):
            datagram[self.chance.randrange(first, end)] ^= self.chance.randint(1, 255)
        return [bytes(datagram)]

    def reheaded(self) -> list[bytes]:
        """A packet with a header that means something else: another number, time or speaker, another length of it."""
        datagram = bytearray(self._recent())
        match self.chance.randrange(4):
            case 0:
                number = self.wire.sequence + self.chance.choice((0, 1, 100, 1_000, 20_000))
                datagram[2:4] = (number & 0xFFFF).to_bytes(2, "big")
            case 1:
                datagram[4:8] = self.chance.randbytes(4)
            case 2:
                ssrc = self.chance.choice((SSRC, RAVIS_SSRC, self.chance.choice(NAMELESS), 1 << 31))
                datagram[8:12] = ssrc.to_bytes(4, "big")
            case _:
                datagram[0] ^= self.chance.choice((0x01, 0x10, 0x20))
        return [bytes(datagram)]

    def spliced(self) -> list[bytes]:
        """The header of one packet, or its counter, with the rest of another."""
        one, other = self._recent(), self._recent()
        cut = self.chance.choice((HEADER_BYTES, -NONCE_BYTES))
        return [one[:cut] + other[cut:]]

    def cut(self) -> list[bytes]:
        datagram = self._recent()
        return [datagram[: self.chance.randrange(len(datagram))]]

    def grown(self) -> list[bytes]:
        return [self._recent() + self.chance.randbytes(self.chance.choice((1, 4, 200, 3000)))]

    def noise(self) -> list[bytes]:
        start = self.chance.choice((b"", b"\x80\x78", b"\x90\x78", b"\xbf\x78", b"\x81\xc8"))
        return [start + self.chance.randbytes(self.chance.randrange(400))]

    def replayed(self) -> list[bytes]:
        return [self._recent()]

    def foreign_key(self) -> list[bytes]:
        self.stranger.sequence = self.wire.sequence
        return [self.stranger.packet(self.chance.choice(self.payloads))]

    def nameless(self) -> list[bytes]:
        """Real sound from the server, of an SSRC that nobody was named for."""
        wire = self.others[self.chance.choice(NAMELESS)]
        return [self._packet(wire, self._sealed(self.chance.choice(self.payloads)), Worth.NAMELESS)]

    def unwilling(self) -> list[bytes]:
        frame = self._ravis(self.chance.choice(self.payloads))
        return [self._packet(self.others[RAVIS_SSRC], frame, Worth.UNWILLING)]

    def wrong_inside(self) -> list[bytes]:
        """A server's packet whose end-to-end seal was broken: somebody between the speaker and us."""
        frame = bytearray(self._sealed(self.chance.choice(self.payloads[:-1])))
        frame[self.chance.randrange(len(frame))] ^= self.chance.randint(1, 255)
        return [self._packet(self.wire, bytes(frame), Worth.BROKEN_INSIDE)]

    def borrowed_seal(self) -> list[bytes]:
        """A server that says that Asha said what Ravi did."""
        return [self._packet(self.wire, self._ravis(self.chance.choice(self.payloads[:-1])), Worth.BROKEN_INSIDE)]

    def odd_opus(self) -> list[bytes]:
        """A speaker who seals what is no Opus."""
        size = self.chance.choice((1, 2, 3, 10, 200, 1275, 1400))
        return [self._packet(self.wire, self._sealed(self.chance.randbytes(size)))]

    def odd_frame(self) -> list[bytes]:
        """Bytes that are no DAVE frame, or end like one."""
        end = self.chance.choice((b"", b"\xfa\xfa", b"\x0c\xfa\xfa", b"\xff\xfa\xfa"))
        frame = self.chance.randbytes(self.chance.randrange(60)) + end
        return [self._packet(self.wire, frame, Worth.BROKEN_INSIDE if self.group else Worth.GOOD)]

    def odd_header(self) -> list[bytes]:
        """Whatever a header may claim, over a good frame."""
        frame = self._sealed(self.chance.choice(self.payloads))
        self.wire.timestamp += self.chance.choice((0, 0, 1, -5_000, 2**31, 48_000))
        self.wire.sequence += self.chance.choice((0,) * 60 + (1, 3, 300, LONGEST_STEP))
        datagram = self._packet(
            self.wire,
            frame,
            csrc=self.chance.randrange(16),
            extension=self.chance.choice((None, b"", bytes(8), bytes(400))),
            padding=self.chance.choice((0, 1, 16, 255)),
            payload_type=self.chance.choice((120,) * 4 + (101,)),
        )
        return [datagram]

    def restarted(self) -> list[bytes]:
        """The speaker begins to count anew, farther back; sometimes the first packet that is taken is yet to come."""
        self.wire.sequence -= self.chance.choice((400, 2_000, LONGEST_STEP))
        return [self._good() for _ in range(self.chance.choice((49, *(_IN_A_ROW,) * 3)))]

    def rehearsed(self) -> list[bytes]:
        """A whole stretch of recordings, in their order: it must not pass for a speaker who begins anew."""
        start = self.chance.randrange(len(self.recorded)) if self.recorded else 0
        return self.recorded[start : start + _IN_A_ROW]

    def come_round(self) -> list[bytes]:
        """The numbers go round until a recording's is about to come again: within the minute before, and just not."""
        recording = self._recent()
        before = int.from_bytes(recording[2:4], "big") - self.chance.choice((1, 255, 256, 2999, 3000, 3001, 3300))
        datagrams = []
        while (left := before - self.wire.sequence & 0xFFFF) > LONGEST_STEP:
            self.wire.sequence += LONGEST_STEP
            datagrams.append(self._good())
        self.wire.sequence += left
        return [*datagrams, self._good(), recording]

    def _good(self) -> bytes:
        return self._packet(self.wire, self._sealed(self.chance.choice(self.payloads)))

    def _recent(self) -> bytes:
        """A recording: of just now, or as old as the connection."""
        if not self.recorded:
            return self._good()
        return self.chance.choice(self.recorded[-40:] if self.chance.randrange(2) else self.recorded)

    def _packet(self, wire: Wire, frame: bytes, worth: Worth = Worth.GOOD, **header: Any) -> bytes:
        datagram = wire.packet(frame, **header)
        self.made[datagram] = Worth.GOOD if frame == SILENCE and worth is Worth.BROKEN_INSIDE else worth
        return datagram

    def _sealed(self, payload: bytes) -> bytes:
        """What Asha sends."""
        if not self.group:
            return payload
        frame = self.group[ASHA].seal(SSRC, payload)
        self.frames.add(frame)
        return frame

    def _ravis(self, payload: bytes) -> bytes:
        return self.group[RAVI].seal(RAVIS_SSRC, payload) if self.group else payload
