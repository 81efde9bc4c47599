import pytest

from bot.commands.health import LONGEST_CAUSE, cause, dollars, short


@pytest.mark.parametrize(
    ("usd", "told"), [(0.0, "$0.00"), (0.00012, "$0.0001"), (0.0999, "$0.0999"), (0.1, "$0.10"), (12.345, "$12.35")]
)
def test_small_sums_are_told_to_a_hundredth_of_a_cent(usd: float, told: str) -> None:
    assert dollars(usd) == told


@pytest.mark.parametrize(
    ("number", "told"), [(0, "0"), (999, "999"), (1_000, "1k"), (12_499, "12k"), (999_499, "999k"), (1_234_567, "1.2M")]
)
def test_large_numbers_are_told_short(number: int, told: str) -> None:
    assert short(number) == told


def test_a_cause_is_told_without_its_engine_links_mentions_and_markup() -> None:
    assert cause("groq", "groq: 503 from `https://x.example` **now** <@12> @everyone") == (
        "503 from https x.example now 12 everyone"
    )
    assert len(cause("groq", "x" * 500)) == LONGEST_CAUSE
