"""Measured values with their bars, as tables and as JSON."""

import statistics
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from rich.table import Table


def percentile_95(values: Sequence[float]) -> float:
    return statistics.quantiles(values, n=20, method="inclusive")[-1] if len(values) > 1 else values[0]


@dataclass(slots=True)
class Figure:
    """One row. ``bar`` is what no more than a twentieth of the values may exceed; None: there is none."""

    name: str
    unit: str = "ms"
    bar: float | None = None
    bar_is_for_median: bool = False
    is_goal: bool = False
    """The bar is what we are after, stricter than what was promised."""
    values: list[float] = field(default_factory=list)

    def add(self, value: float) -> None:
        self.values.append(value)

    @property
    def is_held(self) -> bool | None:
        if self.bar is None or not self.values:
            return None
        measured = statistics.median(self.values) if self.bar_is_for_median else percentile_95(self.values)
        return measured <= self.bar

    def to_json(self) -> dict[str, Any]:
        return {
            "name": self.name,
            "unit": self.unit,
            "bar": self.bar,
            "goal": self.is_goal,
            "held": self.is_held,
            "values": [round(value, 2) for value in self.values],
        }

    def cells(self) -> tuple[str, ...]:
        if not self.values:
            return (self.name, "0", "", "", "", "[yellow]not measured")
        bar = "" if self.bar is None else f"{'median' if self.bar_is_for_median else 'p95'} <= {self.bar:g}"
        bar += " (goal)" if self.is_goal else ""
        held = {True: "[green]held", False: "[red]missed", None: ""}[self.is_held]
        numbers = (f"{value:.1f}" for value in (statistics.median(self.values), percentile_95(self.values)))
        return (self.name, str(len(self.values)), *numbers, bar, held)


def table_of(title: str, figures: Iterable[Figure]) -> Table:
    """``figures`` have one unit, which the title tells."""
    table = Table(title=title)
    for heading in ("", "n", "median", "p95", "bar", ""):
        is_number = heading in {"n", "median", "p95"}
        table.add_column(heading, justify="right" if is_number else "left", no_wrap=bool(heading) and is_number)
    for figure in figures:
        table.add_row(*figure.cells())
    return table
