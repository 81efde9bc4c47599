"""How many CPU cores this process may really use."""

import os
from pathlib import Path
from typing import Final

import psutil

CGROUP_QUOTA: Final = Path("/sys/fs/cgroup/cpu.max")


def physical_cores(quota: Path = CGROUP_QUOTA) -> int:
    """Cores, not hyper-threads, within the process's affinity and its container's quota; at least 1."""
    logical = psutil.cpu_count() or 1
    physical = psutil.cpu_count(logical=False) or logical
    allowed = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else logical
    return max(1, min(physical, allowed, _quota(quota)))


def _quota(file: Path) -> int:
    try:
        quota, period = file.read_text().split()
        return max(1, round(int(quota) / int(period)))
    except (OSError, ValueError):
        return 1_000_000  # no container, no quota ("max"), or another system
