"""What ``make bench`` ends with: whether what was promised is so."""

from tests.bench.discord_rows import broken
from tests.bench.figures import Figure


def test_a_missed_bar_and_one_without_a_value_are_named_and_goals_are_only_shown() -> None:
    held, missed, empty = (
        Figure("held", bar=10, values=[5.0]),
        Figure("late", bar=10, values=[15.0]),
        Figure("none", bar=1),
    )
    goal = Figure("goal", bar=10, is_goal=True, values=[15.0])
    assert broken([held, missed, empty, goal, Figure("free", values=[99.0])]) == ["late: missed", "none: not measured"]
    assert goal.cells()[4:] == ("p95 <= 10 (goal)", "[red]missed")
