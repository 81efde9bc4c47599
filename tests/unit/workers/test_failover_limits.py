import random

import pytest

from config.providers import ChatProvider, HearProvider, Service, SpeakProvider
from workers.failover.limits import DAY, MINUTE, LongestCall, Window, kept_below, margin_of, most_usd
from workers.failover.resting import CLOUD, JITTER, LONGEST_ASKED_REST_SECONDS, asked_rest

LONGEST = LongestCall(prompt_tokens=1_000_000, answer_tokens=500_000, speech_seconds=1_800, characters=2_000)
CHAT = ChatProvider(
    name="chat",
    base_url="https://x.example",
    model="m",
    expected_seconds=1,
    usd_per_million_in=0.5,
    usd_per_million_out=2.0,
    thinking_tokens=1_000,
)
HEAR = HearProvider(name="hear", base_url="https://x.example", model="m", expected_seconds=1, usd_per_hour=0.04)
SPEAK = SpeakProvider(
    name="speak",
    base_url="https://x.example",
    dialect="sarvam",
    model="m",
    voice="v",
    expected_seconds=1,
    usd_per_million_characters=30.0,
)


@pytest.mark.parametrize(("service", "usd"), [(CHAT, 0.5 + 1.0 + 0.002), (HEAR, 0.02), (SPEAK, 0.06)])
def test_what_a_call_can_cost_at_most_follows_from_its_row(service: Service, usd: float) -> None:
    assert most_usd(service, LONGEST) == pytest.approx(usd)


def test_a_row_without_a_price_is_free() -> None:
    assert most_usd(Service(name="free", base_url="https://x.example", expected_seconds=1), LONGEST) == 0


@pytest.mark.parametrize("limit", [*range(2, 60), 100, 1_000, 14_400])
def test_every_limit_is_kept_below_by_one_at_least(limit: int) -> None:
    assert 1 <= kept_below(limit) < limit
    assert kept_below(limit) + margin_of(limit) == limit


def test_of_a_limit_that_nobody_told_nothing_is_left_alone() -> None:
    assert margin_of(0) == 0


@pytest.mark.parametrize("window", [MINUTE, DAY])
def test_slices_cover_every_window_that_ends_now(window: Window) -> None:
    chance = random.Random(1)
    for _ in range(1_000):
        now = chance.uniform(0, 1e6)
        assert window.oldest(now) * window.slice_seconds <= now - window.seconds


def test_rests_double_up_to_the_longest_and_are_never_the_same_for_all() -> None:
    chance = random.Random(1)
    for earlier in (0, 1, 2, 50, 10_000):
        usual = min(CLOUD.longest_seconds, CLOUD.first_seconds * 2 ** min(earlier, 30))
        rests = {CLOUD.seconds(earlier, chance) for _ in range(50)}
        assert len(rests) == 50
        assert usual * (1 - JITTER) <= min(rests)
        assert max(rests) <= usual * (1 + JITTER)


@pytest.mark.parametrize(("asked", "rest"), [(-1.0, 0.0), (12.5, 12.5), (1e12, LONGEST_ASKED_REST_SECONDS)])
def test_a_rest_that_was_asked_for_is_kept_within_reason(asked: float, rest: float) -> None:
    assert asked_rest(asked) == rest
