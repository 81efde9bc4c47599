"""In which order providers are asked: by what was measured, and by their rows until then. Pure."""

from collections.abc import Iterable, Mapping
from typing import Final

from config.providers import ChatProvider, Service
from workers.failover.ledger import Record

SECONDS_A_PRIORITY: Final = 0.01
"""One step of priority weighs as much as so much waiting: 100 steps are a second."""
SECONDS_A_MILLIDOLLAR: Final = 0.5
"""Paying a thousandth of a dollar for an answer is as bad as waiting so much longer."""
LOW_QUOTA: Final = 0.2
SECONDS_WITHOUT_QUOTA: Final = 2.0
"""The last of a quota is kept for when nobody else is there."""
LEAST_SUCCESS: Final = 0.05
TYPICAL_PROMPT_TOKENS: Final = 800
TYPICAL_ANSWER_TOKENS: Final = 80


def ranked[Row: Service](rows: Iterable[Row], records: Mapping[str, Record]) -> list[Row]:
    """Best first, local ones before all others. Who rests or is out is left out."""
    here = [row for row in rows if not is_away(records.get(row.name, Record()))]
    return sorted(here, key=lambda row: (not row.is_local, expected_wait(row, records.get(row.name, Record()))))


def is_away(record: Record) -> bool:
    return record.is_out or record.rests_for_seconds > 0


def expected_wait(row: Service, record: Record) -> float:
    """Seconds until words are there, if failures cost the time of another try; money and scarcity as seconds, too."""
    seconds = row.expected_seconds if record.first_seconds is None else record.first_seconds
    wait = seconds / max(LEAST_SUCCESS, record.success_rate)
    scarcity = max(0.0, LOW_QUOTA - record.quota_left) / LOW_QUOTA * SECONDS_WITHOUT_QUOTA
    return wait + row.priority * SECONDS_A_PRIORITY + typical_usd(row) * 1000 * SECONDS_A_MILLIDOLLAR + scarcity


def typical_usd(row: Service) -> float:
    """What one answer costs, roughly."""
    if not isinstance(row, ChatProvider):
        return 0.0
    tokens = TYPICAL_PROMPT_TOKENS * row.usd_per_million_in + TYPICAL_ANSWER_TOKENS * row.usd_per_million_out
    return tokens / 1e6
