"""``make bench``: how long a person waits for Priya, measured on the running stack.

Twenty spoken turns at real speed and fifty typed ones; medians, 95th percentiles, hop, memory, and a picture
of where the time went.
"""

import argparse
import asyncio
import json
import statistics
import sys
import time
import uuid
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from rich.console import Console
from rich.progress import track
from rich.table import Table

from bot.local.report import TIMINGS, TurnReport
from bot.local.room import LocalRoom, NoStack
from bot.local.speaking import speak
from bot.turns import Happening, Who
from config.settings import Settings, load_settings
from tasks.app import app
from tasks.presence import workers_of
from tests.bench.phrases import TYPED, recordings

TURNS_A_CONVERSATION: Final = 5
HOPS: Final = 200
PICTURE: Final = Path(__file__).parents[2] / "docs" / "waterfall.png"

console = Console()


def percentile_95(values: Sequence[float]) -> float:
    return statistics.quantiles(values, n=20, method="inclusive")[-1] if len(values) > 1 else values[0]


async def ignore(happening: Happening) -> None:
    """The report has it all."""


def somebody(index: int) -> Who:
    """A new conversation every few turns, as people have them."""
    conversation = f"bench:{RUN}:{index // TURNS_A_CONVERSATION}"
    return Who("bench", "Asha", conversation)


RUN: Final = uuid.uuid4().hex


async def spoken_turns(settings: Settings, count: int) -> list[TurnReport]:
    reports: list[TurnReport] = []
    said = list(recordings(settings, count))
    for index, (text, pcm) in enumerate(track(said, "spoken turns", console=console)):
        async with LocalRoom(settings, somebody(index)) as room:
            await room.judge()
            answers = await speak(room, [pcm], ignore, realtime=True)
        if len(answers) != 1 or answers[0].failure is not None:
            console.print(f"[yellow]{text!r}: {[answer.to_json() for answer in answers]}")
        reports += answers
    return reports


async def typed_turns(settings: Settings, count: int) -> list[TurnReport]:
    reports: list[TurnReport] = []
    for index in track(range(count), "typed turns", console=console):
        async with LocalRoom(settings, somebody(1000 + index)) as room:
            reports.append(await room.say(TYPED[index % len(TYPED)], ignore, spoken=False))
    return reports


def hops(count: int) -> list[float]:
    """Milliseconds from sending a task to its start, one at a time, the first not counted."""
    measured = [
        app.send_task("hop", [time.time()], queue="upkeep").get(timeout=10, interval=0.005) for _ in range(count + 1)
    ]
    return measured[1:]


def table_of(title: str, rows: dict[str, list[float]]) -> Table:
    table = Table(title=title)
    for heading in ("ms", "turns", "median", "p95"):
        table.add_column(heading, justify="left" if heading == "ms" else "right")
    for name, values in rows.items():
        if values:
            table.add_row(name, str(len(values)), f"{statistics.median(values):.1f}", f"{percentile_95(values):.1f}")
    return table


def timings_of(reports: Sequence[TurnReport]) -> dict[str, list[float]]:
    measured = [report.timings_ms() for report in reports if report.failure is None]
    return {name: [value for timings in measured if (value := timings[name]) is not None] for name in TIMINGS}


async def memory_of(settings: Settings) -> dict[str, int]:
    async with LocalRoom(settings, somebody(0)) as room:
        workers = await workers_of(room.turns.dispatcher.redis)
    return {f"{worker.stage} ({worker.engine})": worker.memory_mb for worker in workers}


def main() -> int:
    parser = argparse.ArgumentParser(prog="make bench", description=__doc__)
    parser.add_argument("--spoken", type=int, default=20, help="spoken turns (default: 20)")
    parser.add_argument("--typed", type=int, default=50, help="typed turns (default: 50)")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write every turn's figures here too")
    options = parser.parse_args()
    settings = load_settings()
    try:
        memory = asyncio.run(memory_of(settings))
        spoken = asyncio.run(spoken_turns(settings, options.spoken))
        typed = asyncio.run(typed_turns(settings, options.typed))
    except NoStack as error:
        print(error, file=sys.stderr)
        return 3
    console.print(table_of("Spoken turns: from the end of speech", timings_of(spoken)))
    typed_rows = timings_of(typed)
    console.print(
        table_of(
            "Typed turns: from the text", {name: typed_rows[name] for name in ("first_token", "total", "overhead")}
        )
    )
    console.print(table_of("Hop: from sending a task to its start", {"hop": hops(HOPS)}))
    for name, megabytes in sorted(memory.items()):
        console.print(f"{megabytes:6} MB  {name}")
    from tests.bench.waterfall import draw

    draw([report for report in spoken if report.failure is None], PICTURE)
    console.print(f"Picture: {PICTURE}")
    if options.json:
        options.json.write_text(
            json.dumps([report.to_json() for report in spoken + typed], indent=1, ensure_ascii=False)
        )
    return 0 if all(report.failure is None for report in spoken + typed) else 1


if __name__ == "__main__":
    sys.exit(main())
