"""What failover costs, and how soon somebody else speaks: ``python -m tests.bench.failover``. Needs no stack.

Providers are scripted servers on loopback in a thread of this process, so every figure holds their work, too. Memory
and start are those of fresh processes, once with what a worker of one local model needs and once with all rows and a
key for each.
"""

import argparse
import json
import os
import random
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Final

from loguru import logger
from rich.console import Console

from config.providers import SHIPPED, read_providers
from tests.bench.figures import Figure, table_of
from tests.fakes.chat_models import ScriptedChatModel
from tests.fakes.providers import (
    Close,
    Script,
    ServerThread,
    Silence,
    breaks_off,
    fails,
    goes_on,
    never_answers,
    says,
)
from tests.fakes.providers.script import chooser
from tests.integration.failover_room import ANSWER, Engine, FailoverRoom, Outcome, Peer, asking
from workers.engines import ChatModel
from workers.failover.chat import has_words
from workers.failover.ledger import Spent
from workers.failover.memory_ledger import MemoryLedger

FIRST_WORDS: Final = 500
TIMES: Final = 20
STARTS: Final = 5
RACES: Final = 40
EXPECTED_SECONDS: Final = 0.3
"""Of the first provider, where it is too slow."""
HALF: Final = "My day was long and good. I met Asha"
QUESTION: Final = "How was your day?"


def first_words_ms(model: ChatModel) -> float:
    """From the question to the first words."""
    with closing(model.reply(asking(QUESTION))) as deltas:
        asked_at = time.perf_counter()
        next(delta for delta in deltas if has_words(delta))
        return (time.perf_counter() - asked_at) * 1000


def overhead() -> Figure:
    """What failover adds to the first words of a healthy engine of one's own, with providers behind it."""
    figure = Figure("added to the first words", bar=1.0, bar_is_for_median=True)
    with ServerThread() as servers, room(servers, {"first": says(ANSWER)}, own=True) as place:
        alone = ScriptedChatModel(ANSWER)
        for number in range(FIRST_WORDS + 20):
            added = first_words_ms(place.chat) - first_words_ms(alone)
            if number >= 20:
                figure.add(added)
    return figure


@contextmanager
def room(servers: ServerThread, scripts: Mapping[str, Script], *, own: bool = False) -> Iterator[FailoverRoom]:
    """Providers in this order, the first of them with a short expected time; ``own``: a healthy engine before them."""
    peers = {
        name: Peer(script=script, expected_seconds=60.0 if number else EXPECTED_SECONDS)
        for number, (name, script) in enumerate(scripts.items())
    }
    engines = {"own": Engine(script=(ANSWER,))} if own else {}
    place = FailoverRoom(servers, peers, engines, ledger=None if not own else MemoryLedger())
    try:
        yield place
    finally:
        place.close()


def recovery() -> list[Figure]:
    """From a failure, or from the question where it fails at once, until the next one's first words."""
    second = goes_on(ANSWER)
    failures: dict[str, tuple[Script, Callable[[Outcome], float]]] = {
        "refuses the connection": (says(ANSWER), _first_words),
        "answers 500": (fails(500), _first_words),
        "answers 429": (fails(429, "rate_limit_exceeded", retry_after="20"), _first_words),
        f"says nothing for the {EXPECTED_SECONDS:g} s that it may": (never_answers(), _first_words),
        "hangs up in the middle": (breaks_off(HALF, Close()), _gap),
        "falls silent in the middle": (breaks_off(HALF, Silence()), _gap),
    }
    figures = []
    for name, (script, measured) in failures.items():
        figure = Figure(name, bar=3000)
        with ServerThread() as servers, room(servers, {"first": script, "second": second}) as place:
            if name.startswith("refuses"):
                servers.die(place.servers["first"])
            for _ in range(TIMES):
                outcome = place.ask(asking(QUESTION))
                if outcome.text != ANSWER:
                    raise RuntimeError(f"{name}: {outcome.text!r} {outcome.error}")
                figure.add(1000 * measured(outcome))
        figures.append(figure)
    return figures


def _first_words(outcome: Outcome) -> float:
    return outcome.first_words_after or 0.0


def _gap(outcome: Outcome) -> float:
    return max(outcome.gaps)


def wasted_tokens() -> Figure:
    """Of whoever lost a race, a turn: the first provider is late every other time."""
    figure = Figure("wasted in a turn", "tokens")
    chance = random.Random(7)
    late = says(ANSWER, after=8)
    with ServerThread() as servers, room(servers, {"first": says(ANSWER), "second": says(ANSWER)}) as place:
        for _ in range(RACES):
            place.servers["first"].choose = chooser(late if chance.random() < 0.5 else says(ANSWER))
            place.ledger.told.clear()
            place.ask(asking(QUESTION))
            lost = [spent for name in place.servers for spent in place.ledger.details("wasted", name)]
            figure.add(sum(s.prompt_tokens + s.answer_tokens for s in lost if isinstance(s, Spent)))
    return figure


def worker_growth() -> tuple[Figure, Figure]:
    """Memory in MB and start in milliseconds: with all rows and keys, over one local model and nothing else."""
    memory = Figure(f"memory of generate with {len(read_providers().chat)} providers", "MB", 30, bar_is_for_median=True)
    start = Figure("its start", "ms", 500, bar_is_for_median=True)
    for _ in range(STARTS):
        (bare_ms, bare_mb), (whole_ms, whole_mb) = _started("bare"), _started("whole")
        memory.add(whole_mb - bare_mb)
        start.add(whole_ms - bare_ms)
    return memory, start


def _started(what: str) -> tuple[float, float]:
    """How long a fresh process took until it could work, and its memory then."""
    keys = {name: "key" for row in read_providers(shipped=SHIPPED).chat for name in row.key_env}
    environment = {**os.environ, **keys, "CLOUDFLARE_ACCOUNT_ID": "account", "LANGUAGE_ENGINES": "auto"}
    began_at = time.monotonic()
    told = subprocess.run(
        [sys.executable, "-m", "tests.bench.failover_worker", what],
        env=environment,
        capture_output=True,
        check=True,
        text=True,
    )
    return 1000 * (float(told.stdout.split()[0]) - began_at), float(told.stdout.split()[1])


def sections() -> dict[str, list[Figure]]:
    """All that is measured here, by what the values are of."""
    memory, start = worker_growth()  # first: nothing of ours works beside it
    return {
        "Failover: milliseconds on top of a healthy engine of one's own": [overhead()],
        "Failover: milliseconds until somebody else speaks, when the first one": recovery(),
        "Failover: tokens, prompts included": [wasted_tokens()],
        "Failover: growth of a generate worker, MB": [memory],
        "Failover: growth of its start, milliseconds": [start],
    }


def show(console: Console) -> list[Figure]:
    """Measure and show."""
    logger.disable("workers")  # its warnings are what is caused here
    measured = sections()
    for title, figures in measured.items():
        console.print(table_of(title, figures))
    return [figure for figures in measured.values() for figure in figures]


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.bench.failover", description=__doc__)
    parser.add_argument("--json", type=Path, metavar="FILE", help="write every figure here too")
    options = parser.parse_args()
    console = Console()
    console.print(f"load of the machine before: {os.getloadavg()[0]:.2f}")
    figures = show(console)
    if options.json:
        options.json.write_text(json.dumps([figure.to_json() for figure in figures], indent=1))
    return 1 if any(figure.is_held is False for figure in figures) else 0


if __name__ == "__main__":
    sys.exit(main())
