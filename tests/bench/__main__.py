"""``make bench``: how long a person waits for Priya, measured on the running stack.

Twenty spoken turns at real speed and fifty typed ones, then turns and interruptions on a simulated Discord, then what
failover costs; medians, 95th percentiles, hop, memory, and a picture of where the time went.
"""

import argparse
import asyncio
import json
import os
import sys
import time
import uuid
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from celery import Celery
from rich.console import Console
from rich.progress import track

from bot.local.report import TIMINGS, TurnReport
from bot.local.room import LocalRoom, NoStack
from bot.local.speaking import speak
from bot.turns import Happening, Who
from config.settings import Settings, load_settings
from tasks.app import app
from tasks.presence import workers_of
from tests.bench.discord_rows import broken
from tests.bench.figures import Figure, table_of
from tests.bench.phrases import TYPED, recordings

TURNS_A_CONVERSATION: Final = 5
HOPS: Final = 200
BARS: Final = {"first_audio": 900, "overhead": 40}
PICTURE: Final = Path(__file__).parents[2] / "docs" / "waterfall.png"

console = Console()


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
    """Milliseconds from sending a task to its start, one at a time, the first not counted. Sent as stages send: without
    subscribing to the result before, for which the message would wait."""
    sender = Celery("bench", set_as_current=False)
    sender.config_from_object("celeryconfig")
    sender.conf.result_backend = "disabled"

    def hop() -> float:
        sent = sender.send_task("hop", [time.time()], queue="upkeep")
        measured: float = app.AsyncResult(sent.id).get(timeout=10, interval=0.005)
        return measured

    return [hop() for _ in range(count + 1)][1:]


def figures_of(timings: dict[str, list[float]]) -> list[Figure]:
    return [
        Figure(name, "ms", BARS.get(name), bar_is_for_median=name != "overhead", values=values)
        for name, values in timings.items()
        if values
    ]


def timings_of(reports: Sequence[TurnReport]) -> dict[str, list[float]]:
    measured = [report.timings_ms() for report in reports if report.failure is None]
    return {name: [value for timings in measured if (value := timings[name]) is not None] for name in TIMINGS}


async def memory_of(settings: Settings) -> dict[str, int]:
    async with LocalRoom(settings, somebody(0)) as room:
        workers = await workers_of(room.turns.dispatcher.redis)
    return {f"{worker.stage} ({worker.engine})": worker.memory_mb for worker in workers}


def local_part(settings: Settings, spoken_count: int, typed_count: int) -> tuple[list[TurnReport], list[TurnReport]]:
    """Measure and show what is measured without Discord: the spoken and the typed turns."""
    spoken = asyncio.run(spoken_turns(settings, spoken_count))
    typed = asyncio.run(typed_turns(settings, typed_count))
    console.print(table_of("Spoken turns: milliseconds from the end of speech", figures_of(timings_of(spoken))))
    rows = timings_of(typed)
    typed_rows = figures_of({name: rows[name] for name in ("total", "overhead")})
    typed_rows.insert(0, Figure("first_token", "ms", 500, bar_is_for_median=True, values=rows["first_token"]))
    console.print(table_of("Typed turns: milliseconds from the text", typed_rows))
    hop = Figure("hop", "ms", 3, bar_is_for_median=True, values=hops(HOPS))
    console.print(table_of("Hop: milliseconds from sending a task to its start", [hop]))
    from tests.bench.waterfall import draw

    answered = [report for report in spoken if report.failure is None]
    if answered:
        draw(answered, PICTURE)
        console.print(f"Picture: {PICTURE}")
    return spoken, typed


def discord_part(settings: Settings, options: argparse.Namespace, receiving: list[Figure]) -> list[Figure]:
    """Measure and show how it is in a voice channel."""
    # Imported here: whoever leaves Discord out needs none of it.
    from tests.bench.discord_room import sit_with_her

    measured = sit_with_her(settings, options.discord_turns, options.interruptions, options.loss, console, options.seed)
    sections = asyncio.run(measured).sections()
    console.print(f"{options.loss:.0%} of the packets were lost each way")
    for title, figures in sections.items():
        console.print(table_of(title, figures + (receiving if title.startswith("CPU") else [])))
    return [figure for figures in sections.values() for figure in figures] + receiving


def failover_part() -> list[Figure]:
    """Measure and show what failover costs and how soon somebody else speaks; needs no stack."""
    from tests.bench.failover import show

    return show(console)


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="make bench", description=__doc__)
    parser.add_argument("--spoken", type=int, default=20, help="spoken turns (default: 20)")
    parser.add_argument("--typed", type=int, default=50, help="typed turns (default: 50)")
    parser.add_argument("--discord-turns", type=int, default=12, help="turns on Discord (default: 12)")
    parser.add_argument("--interruptions", type=int, default=6, help="of each of four kinds (default: 6)")
    parser.add_argument("--loss", type=float, default=0.02, help="packets lost each way on Discord (default: 0.02)")
    parser.add_argument("--seed", type=int, help="of people, channels and mishaps on Discord (default: a new one)")
    which = parser.add_mutually_exclusive_group()
    which.add_argument("--without-discord", action="store_true", help="only the local room")
    which.add_argument("--only-discord", action="store_true", help="only the voice channel")
    parser.add_argument("--without-failover", action="store_true", help="leave out what failover costs")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write every turn's figures here too")
    return parser.parse_args()


def main() -> int:
    options = arguments()
    settings = load_settings()
    spoken: list[TurnReport] = []
    typed: list[TurnReport] = []
    figures: list[Figure] = []
    failover: list[Figure] = []
    console.print(f"load of the machine before: {os.getloadavg()[0]:.2f}")
    try:
        memory = asyncio.run(memory_of(settings))
        if not options.without_discord:
            from tests.bench.discord_room import listening

            receiving = listening()  # first: nothing else is loaded into this process yet
        if not options.only_discord:
            spoken, typed = local_part(settings, options.spoken, options.typed)
        if not options.without_discord:
            figures = discord_part(settings, options, receiving)
    except NoStack as error:
        print(error, file=sys.stderr)
        return 3
    if not (options.without_failover or options.only_discord):
        failover = failover_part()
    for name, megabytes in sorted(memory.items()):
        console.print(f"{megabytes:6} MB  {name}")
    if options.json:
        turns = [report.to_json() for report in spoken + typed]
        everything = {
            "turns": turns,
            "discord": [figure.to_json() for figure in figures],
            "failover": [figure.to_json() for figure in failover],
        }
        options.json.write_text(json.dumps(everything, indent=1, ensure_ascii=False))
    missed = broken(figures)
    for what in missed:
        console.print(f"[red]{what}")
    return 0 if not missed and all(report.failure is None for report in spoken + typed) else 1


if __name__ == "__main__":
    sys.exit(main())
