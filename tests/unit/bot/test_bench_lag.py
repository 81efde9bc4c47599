"""The bench reads what the bot tells of its event loop."""

from loguru import logger

from bot.loop_lag import Lag, Lateness
from bot.process import tell_lag
from tests.bench.discord_room import note_lag
from tests.bench.discord_rows import Rows


def test_the_closing_line_about_the_event_loop_becomes_rows() -> None:
    lines: list[str] = []
    sink = logger.add(lambda line: lines.append(str(line)), format="{message}")
    tell_lag(Lag(ticks=9000, stalls=2, p99_ms=7.0, worst=Lateness(0.0634, cpu=0.002, queued=0.06, stolen=0.04)))
    logger.remove(sink)
    rows = Rows.empty()
    note_lag(rows, "".join(lines))
    assert (rows.lag.values, rows.lag_worst.values, rows.stalls.values) == ([7.0], [63.0], [2.0])
    assert (rows.lag_worst_own.values, rows.lag_worst_stolen.values) == ([2.0], [40.0])
    assert rows.stalls.is_held is rows.lag_worst.is_held is False
