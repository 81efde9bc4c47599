"""End with one's parent, even when the parent was killed too suddenly to tell anyone. Linux only; elsewhere a no-op."""

import ctypes
import os
import signal
import sys
from collections.abc import Callable
from typing import Final

_PR_SET_PDEATHSIG: Final = 1
"""prctl(2): the kernel sends this process a signal when the thread that made it ends."""

# Loaded here, not in the child: between fork and exec nothing may be imported or allocated needlessly.
_libc: Final = ctypes.CDLL(None, use_errno=True) if sys.platform == "linux" else None


def tie_to_parent(signal_number: int, parent: int) -> None:
    """Have this process sent a signal when ``parent``, its parent, is gone; at once if it already is."""
    if _libc is None:
        return
    _libc.prctl(_PR_SET_PDEATHSIG, signal_number, 0, 0, 0)
    if os.getppid() != parent:
        os.kill(os.getpid(), signal_number)


def tied(signal_number: int) -> Callable[[], None]:
    """A ``preexec_fn`` that ties a child to this process and gives it the usual answers to signals."""
    parent = os.getpid()

    def before_exec() -> None:
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, signal.SIG_DFL)
        tie_to_parent(signal_number, parent)

    return before_exec
