"""A machine without libopus: whoever needs it ends at once with one sentence that says what to install."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.fakes.stages import ENVIRONMENT
from tests.running import HOUSE, RunningValkey

WITHOUT_LIBOPUS = """
import sys
from config import libopus
libopus.find_library = libopus.find_spec = lambda name: None
from {module} import main
sys.exit(main({arguments}))
"""


@pytest.mark.parametrize(
    ("module", "arguments"),
    [("tasks.worker", ["synthesize"]), ("bot.__main__", [])],
    ids=["synthesize worker", "bot"],
)
def test_the_mend_is_the_last_word(valkey: RunningValkey, tmp_path: Path, module: str, arguments: list[str]) -> None:
    surroundings = {"REDIS_URL": valkey.url, "DISCORD_TOKEN": "none", "PRIYA_HOME": str(tmp_path)}
    ended = subprocess.run(
        [sys.executable, "-c", WITHOUT_LIBOPUS.format(module=module, arguments=arguments)],
        cwd=HOUSE,
        env={**os.environ, **ENVIRONMENT, **surroundings},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    last = ended.stderr.strip().splitlines()[-1]
    assert (ended.returncode, last[:19]) == (os.EX_CONFIG, "no usable libopus >"), ended.stderr
    assert "install Debian's libopus0" in last
    assert "Traceback" not in ended.stderr
