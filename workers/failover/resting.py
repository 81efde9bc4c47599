"""How long an engine that failed is left alone: numbers and arithmetic, no clock and no state of their own."""

import random
from dataclasses import dataclass
from typing import Final

FAILURES_BEFORE_REST: Final = 3
"""In a row, of all workers together. One cut stream is the network's; three are the provider's."""

OUT_SECONDS: Final = 3600.0
"""A wrong key is tried again after this long: a person may have mended it on the provider's side."""
PROBE_BEFORE_SECONDS: Final = 300.0
"""What is out is probed this long before people's turns would find it back."""

LONGEST_ASKED_REST_SECONDS: Final = 86_400.0
"""A provider that asks for more than a day is asked again after a day."""

JITTER: Final = 0.2
"""Workers that were turned away together must not come back together."""


@dataclass(frozen=True, slots=True)
class Rest:
    """Rests that double from ``first_seconds`` to ``longest_seconds`` while nothing succeeds in between."""

    first_seconds: float
    longest_seconds: float
    grace_seconds: float = 0.0
    """After the rest somebody probes it; people's turns may try it only this much later, when nobody did."""
    is_probed: bool = True

    def seconds(self, earlier: int, chance: random.Random) -> float:
        """How long it rests after ``earlier`` rests without a success."""
        doubled: float = self.first_seconds * 2.0 ** min(earlier, 30)
        return min(self.longest_seconds, doubled) * chance.uniform(1 - JITTER, 1 + JITTER)


CLOUD: Final = Rest(first_seconds=10, longest_seconds=300, grace_seconds=20)
NEIGHBOUR: Final = Rest(first_seconds=5, longest_seconds=30, grace_seconds=600)
"""A program on the same machine: a refused connection costs nothing, so it is probed often, and then it is left to."""
OWN: Final = Rest(first_seconds=2, longest_seconds=60, is_probed=False)
"""An engine inside the worker: nobody can try it but a turn."""
UNSEEN: Final = Rest(first_seconds=0, longest_seconds=0, grace_seconds=600)
"""A program that was never there: most people run no Ollama. It is looked for at once, and then as a neighbour."""

CLOUD_BUSY: Final = Rest(first_seconds=5, longest_seconds=300, is_probed=False)
LOCAL_BUSY: Final = Rest(first_seconds=0.5, longest_seconds=5, is_probed=False)
"""Its lanes are full, and will be free when somebody's answer ends."""


def asked_rest(seconds: float) -> float:
    """The rest that a provider asked for, within reason."""
    return min(max(seconds, 0.0), LONGEST_ASKED_REST_SECONDS)
