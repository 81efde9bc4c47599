"""What follows each close code."""

import pytest

from bot.voice.closing import NO_CODE, After, what_follows


@pytest.mark.parametrize(
    ("code", "after"),
    [
        (4015, After.RESUME),
        (1006, After.RESUME),
        (1001, After.RESUME),
        (NO_CODE, After.RESUME),
        (4999, After.RESUME),
        (4006, After.REJOIN),
        (4009, After.REJOIN),
        (4004, After.REJOIN),
        (4014, After.AWAIT_SERVER),
        (4022, After.AWAIT_SERVER),
        (4017, After.LEAVE),
        (4021, After.LEAVE),
    ],
)
def test_each_code_has_its_own_answer(code: int, after: After) -> None:
    assert what_follows(code) is after
