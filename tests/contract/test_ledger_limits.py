"""What every ledger counts: requests, which stay below each limit, and money, which stays below the day's budget."""

import random

import pytest

from tests.contract.ledgers import CAP_USD, AnyLedger, Clock, of, reached, row
from workers.failover.ledger import Spent


@pytest.mark.parametrize(("limit", "kept"), [(1, 1), (2, 1), (5, 4), (20, 19), (30, 28), (1_000, 950)])
def test_requests_of_a_minute_stay_below_the_limit(ledger: AnyLedger, limit: int, kept: int) -> None:
    service = row(requests_per_minute=limit)
    admitted = [ledger.admit(service) for _ in range(limit + 3)]
    assert admitted.count("") == kept
    assert "minute" in admitted[-1]
    record = of(ledger)
    assert record.quota_left == 0
    assert 0 < record.rests_for_seconds <= 60
    assert record.was_told_to_wait


def test_requests_of_a_day_stay_below_the_limit(ledger: AnyLedger, clock: Clock) -> None:
    service = row(requests_per_minute=30, requests_per_day=50)
    admitted = []
    while "day" not in (why := ledger.admit(service)):
        admitted.append(why)
        clock.now += 10 if why else 0
    assert admitted.count("") == 47
    assert len(admitted) < 60
    assert of(ledger).quota_left == 0
    clock.now += 86_400 + 3_600
    assert ledger.admit(service) == ""


@pytest.mark.parametrize(("limits", "seconds"), [({"requests_per_minute": 20}, 60), ({"requests_per_day": 40}, 86_400)])
def test_no_window_however_it_lies_sees_more_than_the_limit(
    ledger: AnyLedger, clock: Clock, limits: dict[str, int], seconds: int
) -> None:
    """A person asks at random moments, three times as often as is allowed."""
    chance, service, sent_at = random.Random(9), row(**limits), []
    limit = next(iter(limits.values()))
    for _ in range(limit * 9):
        clock.now += chance.expovariate(3 * limit / seconds)
        if not ledger.admit(service):
            sent_at.append(clock.now)
    busiest = max(sum(at <= other < at + seconds for other in sent_at) for at in sent_at)
    assert busiest < limit
    assert len(sent_at) > limit * 1.7, "and yet what is allowed is used"


def test_what_is_left_of_the_tightest_limit_is_known(ledger: AnyLedger) -> None:
    service = row(requests_per_minute=11, requests_per_day=101)
    for _ in range(5):
        ledger.admit(service)
    assert of(ledger).quota_left == pytest.approx(0.5)


def test_what_a_provider_tells_of_its_limits_is_believed(ledger: AnyLedger, clock: Clock) -> None:
    ledger.announce([reached(row())])
    ledger.allowed("groq", 9, 20, 30)
    assert of(ledger).quota_left == pytest.approx((9 - 1) / 20)
    service = row()
    assert [ledger.admit(service) for _ in range(8)] == [""] * 8
    assert "limit" in ledger.admit(service), "the last is not used: others may use this key, too"
    record = of(ledger)
    assert record.rests_for_seconds == pytest.approx(30)
    assert record.was_told_to_wait
    clock.now += 30
    assert of(ledger).rests_for_seconds == 0
    assert ledger.admit(service) == ""


def test_a_limit_that_is_used_up_elsewhere_is_noticed(ledger: AnyLedger) -> None:
    ledger.announce([reached(row())])
    ledger.allowed("groq", 0, 1_000, 3_600)
    ledger.flush()
    assert "limit" in ledger.admit(row())
    assert of(ledger).rests_for_seconds == pytest.approx(3_600)


def test_without_limits_there_are_none(ledger: AnyLedger) -> None:
    service = row()
    assert not any(ledger.admit(service) for _ in range(200))
    assert of(ledger).quota_left == 1.0


# Money.

PRICED = {"usd_per_million_in": 2.0, "usd_per_million_out": 10.0}
MOST_USD = (1_000 * 2 + 100 * 10) / 1e6


def test_calls_that_run_are_counted_at_their_worst_until_they_end(ledger: AnyLedger) -> None:
    service = row(**PRICED)
    admitted = [ledger.admit(service) for _ in range(5)]
    assert admitted.count("") == int(CAP_USD / MOST_USD + 1e-9)
    assert "budget" in admitted[-1]
    ledger.succeeded("groq", Spent(100, 10, 0.0003))
    ledger.flush()
    assert ledger.admit(service) == "", "it cost less than was set aside"


def test_a_day_costs_at_most_its_budget_and_one_call(ledger: AnyLedger) -> None:
    service, chance, really = row(**PRICED), random.Random(2), 0.0
    for _ in range(200):
        if not ledger.admit(service):
            cost = chance.uniform(0, MOST_USD)
            really += cost
            (ledger.wasted if chance.random() < 0.3 else ledger.succeeded)("groq", Spent(500, 50, cost))
        ledger.flush()
    assert CAP_USD - MOST_USD <= really <= CAP_USD + MOST_USD
    assert ledger.spent_usd == pytest.approx(really)


def test_providers_that_are_free_go_on_when_the_budget_is_used_up(ledger: AnyLedger) -> None:
    paid, free = row(**PRICED), row("cerebras")
    while not ledger.admit(paid):
        pass
    assert ledger.admit(free) == ""


def test_the_budget_is_one_for_all_and_new_every_day(ledger: AnyLedger, clock: Clock) -> None:
    for name in ("groq", "openai", "xai", "together"):
        ledger.admit(row(name, **PRICED))
        ledger.succeeded(name, Spent(0, 0, MOST_USD))
    ledger.flush()
    assert "budget" in ledger.admit(row("mistral", **PRICED))
    clock.now += 86_400
    assert ledger.admit(row("mistral", **PRICED)) == ""
