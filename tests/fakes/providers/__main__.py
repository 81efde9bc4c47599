"""``python -m tests.fakes.providers``: one scripted provider on loopback, to point ``curl`` or a row of providers at.

Prints its address and every request; ends with Ctrl-C.
"""

import argparse
import asyncio
import contextlib
import sys
from collections.abc import Callable, Mapping
from typing import Final

from tests.fakes.providers.script import (
    Close,
    Fault,
    Reset,
    Script,
    Silence,
    breaks_off,
    fails,
    goes_on,
    hangs_up,
    never_answers,
    says,
    web_page,
)
from tests.fakes.providers.server import ProviderServer

SCRIPTS: Final[Mapping[str, Callable[[str], Script]]] = {
    "well": lambda text: goes_on(text, between=1),
    "slow": lambda text: says(text, after=100, between=10),
    "busy": lambda _: fails(429, "rate_limit_exceeded", "slow down", retry_after="20"),
    "broken": lambda _: fails(500),
    "stranger": lambda _: fails(401, "invalid_api_key", "wrong key"),
    "half": lambda text: breaks_off(text, Close()),
    "reset": lambda text: breaks_off(text, Reset()),
    "stalls": lambda text: breaks_off(text, Silence()),
    "fault": lambda text: breaks_off(text, Fault()),
    "silent": lambda _: never_answers(),
    "hangs-up": lambda _: hangs_up(),
    "web-page": lambda _: web_page(),
}


async def serve(options: argparse.Namespace) -> None:
    models = options.models.split(",") if options.models else None
    script = SCRIPTS[options.script](options.text)
    async with ProviderServer(
        script, dialect=options.dialect, models=models, key=options.key, unit_seconds=options.unit_seconds
    ) as server:
        sys.stdout.write(f"{server.base_url}\n")
        sys.stdout.flush()
        count = 0
        while True:
            count += 1
            exchange = await asyncio.wrap_future(server.asked(count))
            sys.stdout.write(f"{exchange.asked.method} {exchange.asked.path} {dict(exchange.asked.body)}\n")
            ending = await asyncio.wrap_future(exchange.ended)
            sys.stdout.write(f"  {ending.how} after {ending.pieces} pieces\n")
            sys.stdout.flush()


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.fakes.providers", description=__doc__)
    parser.add_argument("script", nargs="?", choices=SCRIPTS, default="well")
    parser.add_argument("--text", default="Hello there. How was your day?")
    parser.add_argument("--dialect", choices=("openai", "anthropic"), default="openai")
    parser.add_argument("--models", default="", help="comma list; any other model is retired")
    parser.add_argument("--key", help="refuse requests with another key")
    parser.add_argument("--unit-seconds", type=float, default=0.02)
    with contextlib.suppress(KeyboardInterrupt):
        asyncio.run(serve(parser.parse_args()))


if __name__ == "__main__":
    main()
