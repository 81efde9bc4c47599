"""Three hundred turns while providers die: every second a random one is killed, hangs, breaks or is busy, and comes
back some seconds later. Everybody gets an answer. Nothing is scaled: seconds are seconds.
"""

import random
import statistics
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Final

from tests.bench.figures import percentile_95
from tests.fakes.providers import (
    Close,
    Fault,
    ProviderServer,
    Reset,
    Script,
    ServerThread,
    Silence,
    breaks_off,
    fails,
    goes_on,
    never_answers,
)
from tests.integration.failover_room import ANSWER, FailoverRoom, Peer, asking
from workers.failover.memory_ledger import MemoryLedger

TURNS: Final = 300
AT_ONCE: Final = 10
PROVIDERS: Final = 8
EVERY_SECONDS: Final = 1.0
DOWN_SECONDS: Final = (1.0, 6.0)
"""How long a failure lasts."""
BETWEEN_WORDS: Final = 2
"""Units: an answer takes some two seconds, so that many break in the middle."""
FIRST_WORDS_BAR_SECONDS: Final = 3.0
SEED: Final = 8
"""At its worst seconds one provider is well by the ledger, and hangs."""
HALF: Final = "My day was long and"


@dataclass(slots=True)
class Chaos:
    """Kills one provider a second, and heals those whose time is over. One thread."""

    servers: ServerThread
    victims: dict[str, ProviderServer]
    chance: random.Random
    is_over: threading.Event = field(default_factory=threading.Event)
    failures: list[tuple[float, str, str]] = field(default_factory=list)
    """When, who and how."""
    back_at: dict[str, float] = field(default_factory=dict)

    def run(self) -> None:
        while not self.is_over.wait(EVERY_SECONDS):
            now = time.monotonic()
            for name in [name for name, at in self.back_at.items() if at <= now]:
                self._heal(name)
            self._fail(self.chance.choice(list(self.victims)), now)

    def _fail(self, name: str, now: float) -> None:
        scripts: dict[str, Script | None] = {
            "dies": None,
            "hangs": never_answers(),
            "half-open": breaks_off(HALF, Silence()),
            "breaks": breaks_off(HALF, Reset()),
            "cut": breaks_off(HALF, Close()),
            "fault": breaks_off(HALF, Fault()),
            "500": fails(500),
            "503": fails(503),
            "busy": fails(429, "rate_limit_exceeded", retry_after="2"),
        }
        how = self.chance.choice(list(scripts))
        script, server = scripts[how], self.victims[name]
        if script is None:
            self.servers.die(server)
        else:
            server.choose = lambda _asked: script  # type: ignore[assignment, return-value]
        self.back_at[name] = now + self.chance.uniform(*DOWN_SECONDS)
        self.failures.append((now, name, how))

    def _heal(self, name: str) -> None:
        del self.back_at[name]
        self.victims[name].choose = goes_on(ANSWER, between=BETWEEN_WORDS)
        self.servers.revive(self.victims[name])


@contextmanager
def running(chaos: Chaos) -> Iterator[None]:
    thread = threading.Thread(target=chaos.run)
    thread.start()
    try:
        yield
    finally:
        chaos.is_over.set()
        thread.join()


def test_three_hundred_turns_get_an_answer_while_a_random_provider_dies_every_second() -> None:
    peers = {
        f"cloud-{number}": Peer(script=goes_on(ANSWER, between=BETWEEN_WORDS), expected_seconds=0.5)
        for number in range(PROVIDERS)
    }
    with ServerThread() as servers:
        room = FailoverRoom(servers, peers, ledger=MemoryLedger(chance=random.Random(SEED)), retries=2)
        chaos = Chaos(servers, room.servers, random.Random(SEED))
        with running(chaos), ThreadPoolExecutor(AT_ONCE) as people:
            outcomes = list(people.map(lambda _: room.ask(asking("How was your day?")), range(TURNS)))
        room.close()
    unanswered = [outcome for outcome in outcomes if outcome.error is not None or not outcome.text]
    wrong = [outcome.text for outcome in outcomes if outcome.text != ANSWER]
    first_words = [outcome.first_words_after or 0.0 for outcome in outcomes]
    resumed = [seconds for outcome in outcomes for seconds in outcome.gaps]
    shared = sum(len(outcome.by) > 1 for outcome in outcomes)
    print(
        f"\n{TURNS} turns, {len(chaos.failures)} failures, {shared} answers by more than one; first words after "
        f"{statistics.median(first_words):.3f} s (median), {percentile_95(first_words):.3f} s (p95), "
        f"{max(first_words):.3f} s at most; the next words behind a failure in the middle after "
        f"{statistics.median(resumed or [0]):.3f} s (median), {max(resumed, default=0):.3f} s at most"
    )
    assert len(chaos.failures) > 20
    assert shared
    assert not unanswered, [str(outcome.error) for outcome in unanswered]
    assert not wrong
    assert max(first_words) <= FIRST_WORDS_BAR_SECONDS
    assert max(resumed, default=0) <= FIRST_WORDS_BAR_SECONDS
