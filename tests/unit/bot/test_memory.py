import asyncio

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
