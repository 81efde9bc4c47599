"""Forged, broken and hostile packets through the whole way in: ``python -m tests.bench.voice_fuzz [count] [seed]``.

A crash of libopus or libdave ends the process, an exception is printed; a forgery that is accepted is one that makes
the end-to-end layer open something (transport forgeries never even reach it).
"""

import sys
import time
from collections import Counter
from dataclasses import dataclass

from bot.voice.receive import Receiver, Sound
from bot.voice.rtp import SILENCE, Drop
from bot.voice.transport import AES_GCM, XCHACHA, Transport
from tests.fakes.dave_group import Group
from tests.fakes.mutations import ASHA, PRIYA, SSRC, Attacker
from tests.fakes.voice_packets import KEY

COUNT = 1_000_000
AT_ONCE = 50_000
"""Attacks on one connection; then a new one, so that no state grows old."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of all attacks."""

    attacks: int
    forged: int
    accepted_forgeries: int
    sounds: int
    dropped: Counter[Drop]


def fuzz(count: int, seed: int, mode: str = XCHACHA) -> Outcome:
    """Raises whatever the way in raises."""
    group = Group(ASHA, PRIYA)
    receiver = Receiver(Transport(mode, KEY), lambda _user_id: True)
    receiver.sealed_speech.begin(1)
    receiver.sealed_speech.install(group[PRIYA].ratchets(ASHA))
    opened: list[bytes] = []
    unseal = receiver.sealed_speech.open

    def watch(user_id: int, frame: bytes) -> bytes | None:
        frame_opened = unseal(user_id, frame)
        if frame_opened is not None:
            opened.append(frame)
        return frame_opened

    receiver.sealed_speech.open = watch  # type: ignore[method-assign]
    receiver.name(SSRC, ASHA, 0.0)
    forged = accepted = sounds = 0
    before: set[bytes] = set()
    for number, attack in enumerate(Attacker(seed, group, mode).attacks(count)):
        now = number * 0.005
        heard = receiver.datagram(attack.datagram, now)
        forged += attack.is_forged
        # A packet that was too old at first and fits after a jump of the numbers is late, not forged.
        accepted += attack.is_forged and any(attack.is_new or frame in before for frame in opened)
        before.update(frame for frame in opened if frame != SILENCE)  # which DAVE seals never
        opened.clear()
        due = receiver.due_at
        if due is not None and now >= due:
            heard += receiver.tick(now)
        sounds += any(isinstance(piece, Sound) for piece in heard)
    return Outcome(count, forged, accepted, sounds, receiver.dropped)


def main() -> None:
    count = int(sys.argv[1]) if len(sys.argv) > 1 else COUNT
    seed = int(sys.argv[2]) if len(sys.argv) > 2 else 1
    begun = time.monotonic()
    forged = accepted = sounds = done = 0
    dropped: Counter[Drop] = Counter()
    while done < count:
        mode = (XCHACHA, AES_GCM)[done // AT_ONCE % 2]
        outcome = fuzz(min(AT_ONCE, count - done), seed + done, mode)
        done += outcome.attacks
        forged, accepted = forged + outcome.forged, accepted + outcome.accepted_forgeries
        sounds += outcome.sounds
        dropped += outcome.dropped
    sys.stdout.write(
        f"{done} packets in {time.monotonic() - begun:.0f} s, seed {seed}: {forged} forged, {accepted} accepted; "
        f"{sounds} were heard; dropped: {', '.join(f'{why} {number}' for why, number in dropped.most_common())}\n"
    )
    sys.exit(1 if accepted else 0)


if __name__ == "__main__":
    main()
