"""Who says what the way in should not have done: the fuzz's own book of what was made, let in and opened.

It knows datagrams by their bytes, so that it agrees with no mistake of what it judges. Each layer is judged for itself:
what the transport lets in by mistake counts, even where the end-to-end seal stops it.
"""

from collections import Counter
from collections.abc import Iterator, Sequence
from enum import StrEnum
from typing import Final

from bot.voice.receive import Heard, Receiver
from bot.voice.rtp import SILENCE, RtpHeader
from tests.fakes.mutations import ASHA, SSRC, Attack, Attacker, Worth

MINUTE: Final = 3000
WINDOW: Final = 256
"""What docs/discord-voice.md and bot/voice/transport.py promise. Not imported: who changes them changes a promise."""


class Fault(StrEnum):
    """What must not happen."""

    OPENED = "the transport's key opened a forgery"
    TWICE = "a packet was let in twice"
    UNSEALED = "a packet of nobody who may be heard was unsealed or heard"
    MISTAKEN = "somebody else was heard"
    WRONG_SEAL = "DAVE opened what the speaker never sealed"
    SEAL_TWICE = "DAVE opened a frame twice"


class Limit(StrEnum):
    """Where a recording is let in, and may be."""

    FIRST = "for the first time"
    """It was sent before, but not let in then: too old, or the first packets of a restart."""
    ROUND = "as its number came round"


class Judge:
    """Listens at every door of one receiver."""

    def __init__(self, receiver: Receiver, attacker: Attacker) -> None:
        self.limits: Counter[Limit] = Counter()
        self._attacker = attacker
        self._rows: dict[int, _Row] = {}
        self._unsealed: set[bytes] = set()
        """End-to-end frames that were opened. Without those of silence, which DAVE seals never."""
        self._is_open = self._is_let_in = False
        self._asked: list[tuple[bytes, bool]] = []
        self._opens, self._is_news = receiver.transport.open, receiver._is_news
        self._unseals = receiver.sealed_speech.open
        receiver.transport.open = self._open  # type: ignore[method-assign]
        receiver._is_news = self._let_in  # type: ignore[method-assign]
        receiver.sealed_speech.open = self._unseal  # type: ignore[method-assign]

    def faults(self, attack: Attack, heard: Sequence[Heard]) -> list[Fault]:
        """What went wrong with the datagram that the receiver was just given, and with ``heard``, which came of it."""
        faults = list(self._faults(attack, heard))
        self._is_open = self._is_let_in = False
        self._asked.clear()
        return faults

    def _faults(self, attack: Attack, heard: Sequence[Heard]) -> Iterator[Fault]:
        if attack.worth is Worth.FORGED:
            if self._is_open:
                yield Fault.OPENED
            return
        ssrc = int.from_bytes(attack.datagram[8:12], "big")
        if self._is_let_in and not self._may_enter(ssrc, attack):
            yield Fault.TWICE
        if ssrc != SSRC and (self._asked or heard):
            yield Fault.UNSEALED
        if any(piece.user_id != ASHA for piece in heard):
            yield Fault.MISTAKEN
        if self._attacker.group:
            yield from self._broken_seals()

    def _may_enter(self, ssrc: int, attack: Attack) -> bool:
        row = self._rows.setdefault(ssrc, _Row())
        limit = row.enter(attack.datagram)
        if limit and attack.worth is Worth.REPLAYED:
            self.limits[limit] += 1
        return limit is not None

    def _broken_seals(self) -> Iterator[Fault]:
        for frame, is_open in self._asked:
            if not is_open or frame == SILENCE:
                continue
            if frame not in self._attacker.frames:
                yield Fault.WRONG_SEAL
            elif frame in self._unsealed:
                yield Fault.SEAL_TWICE
            self._unsealed.add(frame)

    def _open(self, packet: bytes, clear_bytes: int) -> bytes | None:
        plain = self._opens(packet, clear_bytes)
        self._is_open = plain is not None
        return plain

    def _let_in(self, header: RtpHeader, packet: bytes) -> bool:
        self._is_let_in = self._is_news(header, packet)
        return self._is_let_in

    def _unseal(self, user_id: int, frame: bytes) -> bytes | None:
        payload = self._unseals(user_id, frame)
        self._asked.append((frame, payload is not None))
        return payload


class _Row:
    """The numbers of one SSRC as they were let in, each at its place in a row that doesn't come round."""

    def __init__(self) -> None:
        self._newest: int | None = None
        self._taken: set[int] = set()
        self._restarts = 0
        self._entered: dict[bytes, int] = {}
        """Each datagram, and how many restarts had been when it was let in last."""

    def enter(self, datagram: bytes) -> Limit | None:
        """The receiver let it in: within which limit; None where it must not have.

        A recording may come in where no packet of its number was since the numbers came there, at most a minute before
        the newest one reaches it: the window has forgotten it, and does not ask for its counter there."""
        number = int.from_bytes(datagram[2:4], "big")
        newest = number if self._newest is None else self._newest
        ahead = (number - newest + 0x8000 & 0xFFFF) - 0x8000
        place = newest + ahead
        restarts = self._entered.get(datagram)
        is_elsewhere = not -WINDOW < ahead <= MINUTE or place in self._taken
        if restarts is not None and (is_elsewhere or restarts != self._restarts):
            return None
        if ahead <= -WINDOW:
            self._restarts += 1
            self._taken.clear()
        if self._newest is None or ahead > 0 or ahead <= -WINDOW:
            self._newest = place
        self._taken.add(place)
        self._entered[datagram] = self._restarts
        if restarts is None:
            return Limit.FIRST
        return Limit.ROUND
