"""A worker's process for the figures of failover: everything but its model and its connections.

Says when it could work, by the monotonic clock, and how many MB it had then. Imports nothing before it knows what for.
"""

import sys
import time
from typing import Any


def bare() -> None:
    """What a worker of one local model needs."""
    import tasks.answer
    import tasks.history
    import tasks.prompting
    import tasks.replies
    import tasks.stage  # noqa: F401
    from config.settings import load_settings
    from workers.lineup import Lineup

    Lineup[Any]("generate", ("llama.cpp",), load_settings())
    if "httpx2" in sys.modules:
        raise RuntimeError("it already knows of providers")


def whole() -> None:
    """The same, and every provider ready to be asked."""
    import tasks.generate  # noqa: F401
    from tasks.engines import backing, chat_model, thinking
    from workers.cloud.loop import CloudLoop

    async def touch(loop: CloudLoop) -> None:
        assert not loop.client.is_closed  # made when it is looked at first, with its certificates

    chat_model()
    loop = backing("generate").loop
    loop.submit(touch(loop)).result(30)
    if len(thinking().providers) < 32:
        raise RuntimeError(f"only {len(thinking().providers)} providers")


def main() -> None:
    {"bare": bare, "whole": whole}[sys.argv[1]]()
    ready_at = time.monotonic()
    import psutil

    sys.stdout.write(f"{ready_at} {psutil.Process().memory_info().rss / 1e6}\n")


if __name__ == "__main__":
    main()
