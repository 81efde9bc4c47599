import threading

import pytest

from config.providers import Access, ChatProvider
from workers.errors import EngineMisconfigured, EngineTimeout, EngineUnavailable
from workers.failover.ledger import Record
from workers.failover.memory_ledger import MemoryLedger
from workers.failover.probing import LEASE_SECONDS, Prober, due
from workers.failover.resting import FAILURES_BEFORE_REST


class Clock:
    now = 1_000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def ledger(clock: Clock) -> MemoryLedger:
    ledger = MemoryLedger(clock=clock)
    ledger.announce([reached("groq"), reached("xai"), reached("ollama", is_local=True)], engines=["llama.cpp"])
    return ledger


def reached(name: str, *, is_local: bool = False) -> Access[ChatProvider]:
    row = ChatProvider(
        name=name, base_url=f"https://{name}.example", model="small", expected_seconds=1, is_local=is_local
    )
    return Access[ChatProvider](row=row, base_url=row.base_url, key=None)


NAMES = ("groq", "xai", "ollama")


def fails(ledger: MemoryLedger, name: str) -> None:
    for _ in range(FAILURES_BEFORE_REST):
        ledger.failed(name, EngineTimeout(name, "slow"))


class World:
    """Engines that are up or not, and who was asked."""

    def __init__(self, *up: str) -> None:
        self.up = set(up)
        self.asked: list[str] = []

    def probe(self, name: str) -> None:
        self.asked.append(name)
        if name not in self.up:
            raise EngineUnavailable(name, "connection refused")


def test_only_those_are_due_whose_time_has_come() -> None:
    assert due(
        {
            "well": Record(),
            "told to wait": Record(rests_for_seconds=5, was_told_to_wait=True),
            "later": Record(rests_for_seconds=20, probe_in_seconds=3.0),
            "often ill": Record(rests_for_seconds=300, probe_in_seconds=0.0),
            "now": Record(rests_for_seconds=20, probe_in_seconds=0.0),
            "out": Record(is_out=True, probe_in_seconds=3_000.0),
        }
    ) == ["now", "often ill"]


def test_who_is_well_is_never_probed(ledger: MemoryLedger) -> None:
    world = World(*NAMES)
    assert Prober(ledger, world.probe, NAMES).look() == ("ollama",), "it was never seen before"
    assert Prober(ledger, world.probe, NAMES).look() == ()


def test_who_rests_is_probed_when_its_rest_is_over_and_before_people_may_try_it(
    ledger: MemoryLedger, clock: Clock
) -> None:
    world = World("groq")
    prober = Prober(ledger, world.probe, ("groq", "xai"))
    fails(ledger, "groq")
    assert prober.look() == ()
    clock.now += ledger.records(["groq"])["groq"].probe_in_seconds or 0
    assert ledger.records(["groq"])["groq"].rests_for_seconds > 0
    assert prober.look() == ("groq",)
    assert ledger.records(["groq"])["groq"].rests_for_seconds == 0


def test_a_probe_that_fails_leaves_it_resting_for_longer(ledger: MemoryLedger, clock: Clock) -> None:
    world = World()
    prober = Prober(ledger, world.probe, ("groq",))
    fails(ledger, "groq")
    waits = []
    for _ in range(4):
        wait = ledger.records(["groq"])["groq"].probe_in_seconds
        assert wait is not None
        waits.append(wait)
        clock.now += max(wait, LEASE_SECONDS)
        assert prober.look() == ("groq",)
        assert ledger.records(["groq"])["groq"].rests_for_seconds > 0, "people are kept from it"
    assert waits == sorted(waits)


def test_each_is_probed_by_one_worker_at_a_time(ledger: MemoryLedger) -> None:
    world, entered, leave = World("ollama"), threading.Event(), threading.Event()

    def slowly(name: str) -> None:
        entered.set()
        leave.wait(10)
        world.probe(name)

    first = threading.Thread(target=Prober(ledger, slowly, NAMES).look)
    first.start()
    assert entered.wait(10)
    assert Prober(ledger, world.probe, NAMES).look() == ()
    leave.set()
    first.join()
    assert world.asked == ["ollama"]


def test_a_key_that_is_still_wrong_stays_out_without_a_turn_finding_out(ledger: MemoryLedger, clock: Clock) -> None:
    def wrong(name: str) -> None:
        raise EngineMisconfigured(name, "401")

    ledger.failed("groq", EngineMisconfigured("groq", "401"))
    prober = Prober(ledger, wrong, ("groq",))
    for _ in range(3):
        clock.now += ledger.records(["groq"])["groq"].probe_in_seconds or 0
        assert prober.look() == ("groq",)
        assert ledger.records(["groq"])["groq"].is_out
    clock.now += ledger.records(["groq"])["groq"].probe_in_seconds or 0
    assert Prober(ledger, World("groq").probe, ("groq",)).look() == ("groq",)
    assert not ledger.records(["groq"])["groq"].is_out


def test_a_mistake_of_ours_is_no_proof_of_health(ledger: MemoryLedger) -> None:
    def broken(name: str) -> None:
        raise KeyError(name)

    assert Prober(ledger, broken, NAMES).look() == ("ollama",)
    assert ledger.records(["ollama"])["ollama"].rests_for_seconds > 0


def test_its_thread_looks_at_once_and_ends_when_it_is_told(ledger: MemoryLedger) -> None:
    found = threading.Event()
    prober = Prober(ledger, lambda name: found.set(), NAMES, every_seconds=0.01)
    prober.start()
    assert found.wait(10)
    prober.stop()
    assert not prober._thread.is_alive()


def test_nobody_to_probe_needs_no_thread(ledger: MemoryLedger) -> None:
    prober = Prober(ledger, World().probe, ())
    prober.start()
    prober.stop()
    assert not prober._thread.is_alive()
