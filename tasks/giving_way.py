"""A process that gives way to the others on its machine.

A niceness alone may count for nothing: where Linux schedules by autogroup (sched(7), "The autogroup feature"), sessions
share the cores alike, whatever the niceness of what is in them. Each process of the stack has a session of its own,
so each is told twice. Measured on two cores: without the second, the bot's event loop waited for a core for up to 75 ms
while answers were made, with it for up to 62 (docs/performance.md, "Who may run").
"""

import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Final

from loguru import logger

AUTOGROUP: Final = Path("/proc/self/autogroup")
"""Not there where the kernel has no autogroups; without effect for a process in a CPU cgroup, such as a container's."""
PAUSE_SECONDS: Final = 0.11
"""Linux lets one process without privileges change an autogroup every 0.1 s (kernel/sched/autogroup.c), and a stack's
workers start together."""
TRIES: Final = 20
"""Two seconds at most, before the engines are loaded."""


def give_way(niceness: int) -> None:
    """Be nicer by ``niceness``, and let the session have that of ``niceness`` if this process leads one.

    A session that somebody else leads, such as a terminal's, is left as it is: others live in it. Call before any
    thread is started: niceness belongs to threads, and is handed on to those that a thread starts later.
    """
    os.nice(niceness)
    if os.getsid(0) == os.getpid() and AUTOGROUP.exists():
        for_the_session(niceness)


def for_the_session(niceness: int, autogroup: Path = AUTOGROUP, sleep: Callable[[float], object] = time.sleep) -> None:
    """Write it to ``autogroup``. What can't be had is only logged: a process that is in others' way still works."""
    trouble: OSError | None = None
    for attempt in range(TRIES):
        if attempt:
            sleep(PAUSE_SECONDS)
        try:
            autogroup.write_text(str(niceness))
        except BlockingIOError as error:
            trouble = error
        except OSError as error:
            trouble = error
            break
        else:
            return
    logger.warning("The session's niceness is not {}: {}", niceness, trouble)
