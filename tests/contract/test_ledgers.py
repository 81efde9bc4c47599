"""What every ledger does, wherever it keeps what it knows: who rests, for how long, who is out, who comes back.

Time stands still unless a test moves it.
"""

from collections.abc import Sequence

import pytest

from tests.contract.ledgers import KEY, AnyLedger, Clock, about, fails, is_within, of, reached, row
from workers.errors import (
    BadInput,
    EngineBusy,
    EngineError,
    EngineMisconfigured,
    EngineTimeout,
    EngineUnavailable,
    ModelRetired,
)
from workers.failover.ledger import Record, Spent
from workers.failover.resting import CLOUD, CLOUD_BUSY, FAILURES_BEFORE_REST, NEIGHBOUR, OUT_SECONDS, OWN


def test_nothing_is_held_against_a_stranger(ledger: AnyLedger) -> None:
    assert ledger.records(["groq", "nobody"]) == {"groq": Record(), "nobody": Record()}
    assert ledger.records([]) == {}


def test_the_first_words_are_timed_as_a_moving_average(ledger: AnyLedger) -> None:
    ledger.began("groq", 0.5)
    assert of(ledger).first_seconds == pytest.approx(0.5)
    ledger.began("groq", 1.0)
    assert of(ledger).first_seconds == pytest.approx(0.6)


def test_recent_attempts_count_more_than_old_ones(ledger: AnyLedger) -> None:
    ledger.failed("groq", EngineTimeout("groq", "slow"))
    assert of(ledger).success_rate == pytest.approx(0.9)
    for _ in range(40):
        ledger.succeeded("groq", Spent())
    assert of(ledger).success_rate > 0.99


# Breakers.


def test_a_failure_or_two_are_forgiven(ledger: AnyLedger) -> None:
    fails(ledger, FAILURES_BEFORE_REST - 1)
    assert of(ledger).rests_for_seconds == 0
    ledger.succeeded("groq", Spent())
    fails(ledger, FAILURES_BEFORE_REST - 1)
    assert of(ledger).rests_for_seconds == 0, "only failures in a row count"


@pytest.mark.parametrize("error", [EngineTimeout, EngineUnavailable, ModelRetired])
def test_failures_in_a_row_make_it_rest_and_say_why(ledger: AnyLedger, error: type[EngineError]) -> None:
    ledger.announce([reached(row())])
    for _ in range(FAILURES_BEFORE_REST):
        ledger.failed("groq", error("groq", "it broke"))
    record = of(ledger)
    assert is_within(record.rests_for_seconds, about(CLOUD))
    assert is_within(record.probe_in_seconds, about(CLOUD, grace=False))
    assert "it broke" in record.why
    assert not record.was_told_to_wait
    assert not record.is_out
    assert of(ledger, "cerebras") == Record(), "nobody else rests for that"


def test_who_rests_and_is_asked_all_the_same_does_not_rest_longer_for_failing(ledger: AnyLedger) -> None:
    ledger.announce([reached(row())])
    fails(ledger)
    before = of(ledger)
    fails(ledger)
    assert of(ledger).rests_for_seconds == before.rests_for_seconds


def test_after_its_rest_one_failure_is_enough_and_the_rest_grows(ledger: AnyLedger, clock: Clock) -> None:
    ledger.announce([reached(row())])
    fails(ledger)
    for earlier in range(1, 8):
        clock.now += of(ledger).rests_for_seconds
        assert of(ledger).rests_for_seconds == 0, "people may try it now"
        fails(ledger, 1)
        assert is_within(of(ledger).rests_for_seconds, about(CLOUD, earlier))


def test_a_success_closes_it_also_while_it_rests(ledger: AnyLedger, clock: Clock, said: list[str]) -> None:
    ledger.announce([reached(row())])
    fails(ledger)
    clock.now += of(ledger).rests_for_seconds
    fails(ledger, 1)
    ledger.succeeded("groq", Spent())
    record = of(ledger)
    assert record.rests_for_seconds == 0
    assert record.probe_in_seconds is None
    fails(ledger)
    assert is_within(of(ledger).rests_for_seconds, about(CLOUD)), "the rest begins small again"


def test_an_engine_inside_the_worker_rests_briefly_and_is_tried_by_a_turn(ledger: AnyLedger) -> None:
    ledger.announce([], engines=["llama.cpp"])
    fails(ledger, name="llama.cpp")
    record = of(ledger, "llama.cpp")
    assert is_within(record.rests_for_seconds, about(OWN))
    assert record.probe_in_seconds is None


def test_what_no_engine_could_help_with_says_nothing_about_one(ledger: AnyLedger) -> None:
    for _ in range(10):
        ledger.failed("groq", BadInput("groq", "no speech"))
    assert of(ledger) == Record()


# Busy, and out.


def test_a_provider_that_names_a_time_rests_exactly_until_then(ledger: AnyLedger, clock: Clock) -> None:
    ledger.failed("groq", EngineBusy("groq", "429", retry_after_seconds=17))
    record = of(ledger)
    assert record.rests_for_seconds == pytest.approx(17, abs=2), "less what it took to be written down"
    assert record.rests_for_seconds <= 17
    assert record.was_told_to_wait
    assert record.probe_in_seconds is None
    assert record.success_rate == 1.0, "too many requests are not its fault"
    clock.now += 17
    assert of(ledger).rests_for_seconds == 0
    assert not of(ledger).was_told_to_wait


def test_the_longer_of_two_times_holds(ledger: AnyLedger) -> None:
    ledger.failed("groq", EngineBusy("groq", "day", retry_after_seconds=3_600))
    ledger.failed("groq", EngineBusy("groq", "minute", retry_after_seconds=5))
    assert of(ledger).rests_for_seconds == pytest.approx(3_600, abs=2)


@pytest.mark.parametrize(("asked", "rests"), [(-3.0, 0.0), (0.0, 0.0), (1e9, 86_400.0)])
def test_a_time_without_sense_is_brought_into_reason(ledger: AnyLedger, asked: float, rests: float) -> None:
    ledger.failed("groq", EngineBusy("groq", "429", retry_after_seconds=asked))
    assert of(ledger).rests_for_seconds == pytest.approx(rests, abs=2)


def test_one_that_names_no_time_rests_longer_each_time(ledger: AnyLedger, clock: Clock) -> None:
    ledger.announce([reached(row())])
    for earlier in range(8):
        ledger.failed("groq", EngineBusy("groq", "429"))
        record = of(ledger)
        assert is_within(record.rests_for_seconds, about(CLOUD_BUSY, earlier))
        assert not record.was_told_to_wait
        clock.now += record.rests_for_seconds
    ledger.succeeded("groq", Spent())
    ledger.failed("groq", EngineBusy("groq", "429"))
    assert is_within(of(ledger).rests_for_seconds, about(CLOUD_BUSY))


def test_a_wrong_key_takes_it_out_and_is_told_once(ledger: AnyLedger, clock: Clock, said: list[str]) -> None:
    ledger.announce([reached(row())])
    for _ in range(5):
        ledger.failed("groq", EngineMisconfigured("groq", "401: no such key"))
    record = of(ledger)
    assert record.is_out
    assert "401" in record.why
    assert len([line for line in said if line.startswith("ERROR")]) == 1
    clock.now += OUT_SECONDS + 1
    assert not of(ledger).is_out, "it is tried again: it may have been mended on their side"


def test_a_new_key_brings_it_back(ledger: AnyLedger) -> None:
    ledger.announce([reached(row())])
    ledger.failed("groq", EngineMisconfigured("groq", "401"))
    assert of(ledger).is_out
    ledger.announce([reached(row(), key="another")])
    assert not of(ledger).is_out


def test_no_key_gets_into_what_is_told(ledger: AnyLedger, said: list[str]) -> None:
    ledger.announce([reached(row())])
    ledger.failed("groq", EngineMisconfigured("groq", f"401: {KEY} is no key of ours"))
    fails(ledger, name="groq")
    ledger.failed("groq", EngineBusy("groq", f"{KEY} is too quick", retry_after_seconds=9))
    ledger.failed("groq", EngineTimeout("groq", f"{KEY} " * 20))
    assert KEY not in of(ledger).why
    assert not [line for line in said if KEY in line]


# Healing and probing.


def test_a_retired_model_is_replaced_for_all_and_told(ledger: AnyLedger, said: list[str]) -> None:
    ledger.announce([reached(row())])
    ledger.healed("groq", "newer")
    assert of(ledger).model == "newer"
    assert [line for line in said if line.startswith("WARNING") and "small" in line and "newer" in line]
    ledger.announce([reached(row(model="newest"))])
    assert of(ledger).model == "", "a person has chosen another one since"


def test_a_program_that_was_never_seen_rests_until_it_is_found(ledger: AnyLedger, said: list[str]) -> None:
    ollama = row("ollama", is_local=True)
    ledger.announce([reached(ollama)])
    record = of(ledger, "ollama")
    assert record.rests_for_seconds > 60
    assert record.probe_in_seconds == 0, "it is looked for at once"
    ledger.probed("ollama", EngineUnavailable("ollama", "connection refused"))
    record = of(ledger, "ollama")
    assert is_within(
        record.probe_in_seconds, (about(NEIGHBOUR)[0] - NEIGHBOUR.grace_seconds, NEIGHBOUR.longest_seconds)
    )
    assert record.rests_for_seconds > 60
    assert not [line for line in said if not line.startswith("DEBUG")], "most people run none"
    ledger.probed("ollama", None)
    assert of(ledger, "ollama").rests_for_seconds == 0
    ledger.announce([reached(ollama)])
    assert of(ledger, "ollama").rests_for_seconds == 0, "what is known is not forgotten by a restart"


def test_a_probe_that_succeeds_brings_it_back_and_one_that_fails_lets_it_rest_longer(
    ledger: AnyLedger, clock: Clock
) -> None:
    ledger.announce([reached(row())])
    fails(ledger, 20)
    clock.now += of(ledger).probe_in_seconds or 0
    ledger.probed("groq", EngineUnavailable("groq", "500"))
    assert is_within(of(ledger).rests_for_seconds, about(CLOUD, 1))
    ledger.probed("groq", None)
    record = of(ledger)
    assert record.rests_for_seconds == 0
    assert record.success_rate >= 0.5, "or nobody would ask it again"


def test_who_is_out_is_probed_before_people_find_it_back(ledger: AnyLedger, clock: Clock) -> None:
    ledger.announce([reached(row())])
    ledger.failed("groq", EngineMisconfigured("groq", "401"))
    wait = of(ledger).probe_in_seconds
    assert wait is not None
    clock.now += wait
    assert of(ledger).is_out
    ledger.probed("groq", EngineMisconfigured("groq", "401"))
    clock.now += wait
    assert of(ledger).is_out, "for another hour"
    ledger.probed("groq", None)
    assert not of(ledger).is_out


def test_only_one_probes_at_a_time(ledger: AnyLedger, clock: Clock) -> None:
    assert ledger.lease("groq", 60)
    assert not ledger.lease("groq", 60)
    assert ledger.lease("cerebras", 60)


def test_all_are_told_of_in_their_order(ledger: AnyLedger) -> None:
    names: Sequence[str] = [f"provider-{number}" for number in range(32)]
    ledger.began("provider-7", 0.7)
    ledger.flush()
    records = ledger.records(names)
    assert list(records) == names
    assert records["provider-7"].first_seconds == pytest.approx(0.7)
