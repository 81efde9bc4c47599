"""``python -m tests.fakes.ledger_worker URL SEED``: a worker whose threads all ask and pay at once, and how it went.

First it says that it is ready, and begins when it is told to.
"""

import json
import random
import sys
import threading
from typing import Final

from config.providers import ChatProvider
from tasks.connections import connect
from tasks.ledger import RedisLedger
from workers.failover.ledger import Spent
from workers.failover.limits import LongestCall

THREADS: Final = 8
TRIES: Final = 40
REQUESTS_PER_MINUTE: Final = 60
CAP_USD: Final = 0.05
LONGEST_CALL: Final = LongestCall(prompt_tokens=1_000, answer_tokens=100)
MOST_USD: Final = 0.003

LIMITED: Final = ChatProvider(
    name="limited", base_url="https://a.example", model="m", expected_seconds=1, requests_per_minute=REQUESTS_PER_MINUTE
)
PRICED: Final = ChatProvider(
    name="priced",
    base_url="https://b.example",
    model="m",
    expected_seconds=1,
    usd_per_million_in=2.0,
    usd_per_million_out=10.0,
)


def work(ledger: RedisLedger, chance: random.Random, admitted: list[str], paid: list[float]) -> None:
    for _ in range(TRIES):
        if not ledger.admit(LIMITED):
            admitted.append(LIMITED.name)
        if not ledger.admit(PRICED):
            # Real calls end in any order and cost anything up to the most.
            usd = chance.uniform(0.5, 1.0) * MOST_USD
            paid.append(usd)
            ledger.succeeded(PRICED.name, Spent(500, 50, usd))


def main(url: str, seed: int) -> None:
    with connect(url) as redis:
        ledger = RedisLedger(redis, "generate", daily_spend_usd=CAP_USD, longest_call=LONGEST_CALL)
        admitted: list[str] = []
        paid: list[float] = []
        threads = [
            threading.Thread(target=work, args=(ledger, random.Random(seed + number), admitted, paid))
            for number in range(THREADS)
        ]
        print("ready", flush=True)
        sys.stdin.readline()
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        ledger.close()
        print(json.dumps({"admitted": len(admitted), "usd": sum(paid)}), flush=True)


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
