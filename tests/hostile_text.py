"""Text that anybody may type, and that must not keep a process busy."""

import contextlib
import signal
from collections.abc import Iterator
from typing import NoReturn

TYPED_MOST = 4_000
"""Characters that Discord lets people write at most."""
SENTENCE_OF_A_LETTER = "\ufdfa"
"""Eighteen letters in the compatible spelling."""


@contextlib.contextmanager
def no_end_in_sight(seconds: int = 10) -> Iterator[None]:
    """What takes longer is taken for something that would take minutes, and ended: no measure of speed. Main thread."""

    def end(*_: object) -> NoReturn:
        raise AssertionError(f"not done after {seconds} s")

    before = signal.signal(signal.SIGALRM, end)
    signal.alarm(seconds)
    try:
        yield
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, before)
