"""Forged, broken and hostile packets through the whole way in:
``python -m tests.bench.voice_fuzz [count] [seed] [mode]``.

Half of them come in a call with DAVE, where each layer is judged for itself, half in one without, where whatever the
transport lets in is heard. A crash of libopus or libdave ends the process, an exception is printed; what counts as
accepted says ``Fault`` in voice_judge.py. Every datagram is written down before it is tried: MLS draws its keys by
itself, so that a seed does not bring the same bytes again.
"""

import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Final, Self

from bot.voice.receive import Heard, Receiver, Sound
from bot.voice.rtp import Drop
from bot.voice.transport import SUPPORTED_MODES, Transport
from tests.bench.voice_judge import Fault, Judge, Limit
from tests.fakes.dave_group import Group
from tests.fakes.mutations import ASHA, PRIYA, RAVI, RAVIS_SSRC, SSRC, Attack, Attacker, Worth
from tests.fakes.voice_packets import KEY

COUNT: Final = 1_000_000
AT_ONCE: Final = 50_000
"""Attacks on one connection; then a new one, so that no state grows old."""
APART_SECONDS: Final = 0.005


@dataclass(slots=True)
class Outcome:
    """What came of all attacks."""

    tried: Counter[Worth] = field(default_factory=Counter)
    accepted: int = 0
    """Datagrams with which something went wrong."""
    faults: Counter[Fault] = field(default_factory=Counter)
    limits: Counter[Limit] = field(default_factory=Counter)
    """Recordings that were let in, and may be."""
    dropped: Counter[Drop] = field(default_factory=Counter)
    sounds: int = 0
    journals: list[Path] = field(default_factory=list)
    """Where the datagrams stand, if something went wrong."""

    def add(self, other: "Outcome") -> None:
        self.tried += other.tried
        self.accepted += other.accepted
        self.faults += other.faults
        self.limits += other.limits
        self.dropped += other.dropped
        self.sounds += other.sounds
        self.journals += other.journals

    def __str__(self) -> str:
        lines = [
            f"{self.tried.total()} packets: {_listed(self.tried)}",
            f"{self.accepted} accepted{': ' if self.faults else ''}{_listed(self.faults)}; {self.sounds} were heard",
            f"recordings let in within the known limits: {_listed(self.limits) or 'none'}",
            f"dropped: {_listed(self.dropped)}",
            *(f"the datagrams: {journal}" for journal in self.journals),
        ]
        return "\n".join(lines)


def fuzz(count: int, seed: int, mode: str, journal: Path, *, is_sealed: bool) -> Outcome:
    """One connection, with DAVE or without. ``journal`` is written, and stays there if something goes wrong. Raises
    whatever the way in raises."""
    group = Group(ASHA, RAVI, PRIYA) if is_sealed else None
    attacker = Attacker(seed, group, mode)
    receiver = Receiver(Transport(mode, KEY), lambda user_id: user_id == ASHA)
    receiver.sealed_speech.begin(int(is_sealed))
    if group:
        receiver.sealed_speech.install(group[PRIYA].ratchets(ASHA, RAVI))
    receiver.name(SSRC, ASHA, 0.0)
    receiver.name(RAVIS_SSRC, RAVI, 0.0)
    judge = Judge(receiver, attacker)
    outcome = Outcome(limits=judge.limits, dropped=receiver.dropped)
    with _Journal(journal, seed, mode, is_sealed=is_sealed) as pages:
        for number, attack in enumerate(attacker.attacks(count)):
            now = number * APART_SECONDS
            pages.write(attack)
            heard = receiver.datagram(attack.datagram, now)
            outcome.tried[attack.worth] += 1
            faults = judge.faults(attack, heard)
            heard += _tick(receiver, now)
            if any(piece.user_id != ASHA for piece in heard) and Fault.MISTAKEN not in faults:
                faults.append(Fault.MISTAKEN)
            if faults:
                outcome.accepted += 1
                outcome.faults.update(faults)
                pages.accuse(attack, faults)
            outcome.sounds += any(isinstance(piece, Sound) for piece in heard)
    if outcome.accepted:
        outcome.journals.append(journal)
    else:
        journal.unlink()
    return outcome


def _tick(receiver: Receiver, now: float) -> list[Heard]:
    due = receiver.due_at
    return receiver.tick(now) if due is not None and now >= due else []


class _Journal:
    """Every datagram in hex, a line each, before it is tried: what ends the process is the last line."""

    def __init__(self, path: Path, seed: int, mode: str, *, is_sealed: bool) -> None:
        self._path = path
        self._out = path.open("wb", buffering=0)  # what a dying process has not written is lost
        head = (
            f"# mode {mode}\n# key {KEY.hex()}\n# DAVE {int(is_sealed)}\n# seed {seed}\n"
            f"# {APART_SECONDS} s apart; SSRC {SSRC} is {ASHA}, who agreed; {RAVIS_SSRC} is {RAVI}, who did not\n"
        )
        self._out.write(head.encode())

    def write(self, attack: Attack) -> None:
        self._out.write(attack.datagram.hex().encode() + b"\n")

    def accuse(self, attack: Attack, faults: Iterable[Fault]) -> None:
        """Behind the line of its datagram."""
        self._out.write(f"# accepted: {', '.join(faults)} ({attack.kind}, {attack.worth})\n".encode())

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._out.close()
        if error is not None:
            error.add_note(f"the datagrams, and last the one that did it: {self._path}")


def _listed(counts: Counter[Worth] | Counter[Fault] | Counter[Limit] | Counter[Drop]) -> str:
    return ", ".join(f"{what} {number}" for what, number in counts.most_common())


def main() -> None:
    count = int(sys.argv[1]) if len(sys.argv) > 1 else COUNT
    seed = int(sys.argv[2]) if len(sys.argv) > 2 else 1
    modes = sys.argv[3:] or SUPPORTED_MODES
    folder = Path(tempfile.mkdtemp(prefix="voice-fuzz-"))
    sys.stderr.write(f"if the process dies, the last datagrams are in {folder}\n")
    kinds = [(mode, is_sealed) for mode in modes for is_sealed in (False, True)]
    begun = time.monotonic()
    total = Outcome()
    done = turn = 0
    while done < count:
        mode, is_sealed = kinds[turn % len(kinds)]
        part = min(AT_ONCE, count - done)
        total.add(fuzz(part, seed + done, mode, folder / f"{turn}.txt", is_sealed=is_sealed))
        done, turn = done + part, turn + 1
    sys.stdout.write(f"seed {seed}, {time.monotonic() - begun:.0f} s, {', '.join(modes)}, half with DAVE\n{total}\n")
    if not total.journals:
        folder.rmdir()
    sys.exit(1 if total.accepted else 0)


if __name__ == "__main__":
    main()
