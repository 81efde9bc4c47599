import asyncio
import subprocess
import sys

from bot.memory import resident_mb, watch_memory


async def test_each_rise_above_the_bound_is_told_once(lines: list[str]) -> None:
    held = iter([100, 501, 502, 400, 600])
    looked_often = asyncio.Event()

    def look() -> int:
        if (now := next(held, None)) is not None:
            return now
        looked_often.set()
        return 600

    async with watch_memory(500, look, every_seconds=0):
        await looked_often.wait()
    assert [line.split(" MB")[0] for line in lines] == ["This process holds 501", "This process holds 600"]


def test_a_process_with_python_in_it_holds_some_megabytes() -> None:
    assert 5 < resident_mb() < 10_000


ASK_FOR_MEMORY_IN_THREADS = """
import ctypes, sys, threading
from bot.memory import keep_one_arena
if "one" in sys.argv:
    keep_one_arena()
libc = ctypes.CDLL(None)
together = threading.Barrier(4)
def ask():
    together.wait()
    libc.malloc(100)
    together.wait()
threads = [threading.Thread(target=ask) for _ in range(4)]
for thread in threads: thread.start()
for thread in threads: thread.join()
libc.fopen.restype = ctypes.c_void_p
libc.malloc_info(0, ctypes.c_void_p(libc.fopen(b"/dev/stdout", b"w")))
libc.fflush(None)
"""


def test_threads_share_one_arena() -> None:
    def arenas(which: str) -> int:
        asked = [sys.executable, "-c", ASK_FOR_MEMORY_IN_THREADS, which]
        told = subprocess.run(asked, capture_output=True, text=True, check=True, timeout=60).stdout
        return told.count("<heap nr=")

    assert arenas("one") == 1 < arenas("many")
