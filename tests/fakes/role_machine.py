"""A machine on which only one role's packages are installed, played on one that has them all.

``environment(role)`` makes a Python process find no module of a package that ``requirements/<role>.in`` doesn't bring.
"""

import json
from pathlib import Path
from typing import Final

from tests.house.test_requirements import all_distributions, distributions, installed

BLOCKED: Final = "BLOCKED_MODULES"
SITECUSTOMIZE: Final = f'''
import importlib.machinery, json, os, sys
from pathlib import Path

blocked = set(json.loads(Path(os.environ["{BLOCKED}"]).read_text()))


class OnlyThisRole(importlib.machinery.PathFinder):
    """What is not installed on this machine is not found."""

    @classmethod
    def find_spec(cls, fullname, path=None, target=None):
        return None if fullname.partition(".")[0] in blocked else super().find_spec(fullname, path, target)


sys.meta_path[:] = [OnlyThisRole if each is importlib.machinery.PathFinder else each for each in sys.meta_path]
'''


def environment(role: str, folder: Path) -> dict[str, str]:
    """Variables for processes of this role; ``folder`` is theirs."""
    there = installed(role)
    absent = [module for module in all_distributions() if not distributions(module) & there]
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "sitecustomize.py").write_text(SITECUSTOMIZE)
    (folder / "blocked.json").write_text(json.dumps(absent))
    return {"PYTHONPATH": str(folder), BLOCKED: str(folder / "blocked.json")}
