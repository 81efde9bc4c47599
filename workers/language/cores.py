"""How many CPU cores this process may really use, and how many of them nobody else wants just now."""

import os
from pathlib import Path
from typing import Final

import psutil

CGROUP_QUOTA: Final = Path("/sys/fs/cgroup/cpu.max")
LOAD: Final = Path("/proc/loadavg")


def physical_cores(quota: Path = CGROUP_QUOTA) -> int:
    """Cores, not hyper-threads, within the process's affinity and its container's quota; at least 1."""
    logical = psutil.cpu_count() or 1
    physical = psutil.cpu_count(logical=False) or logical
    allowed = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else logical
    return max(1, min(physical, allowed, _quota(quota)))


def idle_cores(allowed: int, load: Path = LOAD) -> int:
    """Of ``allowed`` cores those on which nothing else wants to run at this moment, that of the thread that asks
    included; 1 where the system doesn't tell. The system tells of all its cores: to a process that may use only some
    of them, busy ones can look idle while others are. Takes some 30 microseconds."""
    try:
        runnable = int(load.read_text().split()[3].partition("/")[0])  # proc(5): now, not an average
    except (OSError, IndexError, ValueError):
        return 1
    if runnable < 1:  # who asks is running; sandboxes have been seen to say 0
        return 1
    return max(1, min(allowed, (psutil.cpu_count() or 1) - (runnable - 1)))


def _quota(file: Path) -> int:
    try:
        quota, period = file.read_text().split()
        return max(1, round(int(quota) / int(period)))
    except (OSError, ValueError):
        return 1_000_000  # no container, no quota ("max"), or another system
