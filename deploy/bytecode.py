"""``python -m deploy.bytecode``: compile what the processes import, by importing it once.

uv leaves packages uncompiled, and where Python is told to write no bytecode (PYTHONDONTWRITEBYTECODE, as in most
container images) every process would compile its thousand modules at every start: the bot takes 3.6 s instead of 1.3 to
import what it needs, a transcribe worker 5.7 instead of 3.3. Only what is imported is compiled, a tenth of what is
installed; an import that fails here is told by whoever needs it.
"""

import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from typing import Final

IMPORTED: Final = (
    "whisper faster_whisper",
    "bot.process bot.local tasks.app celery.bin.worker flower.command kombu.transport.redis llama_cpp piper hibari",
)
"""By processes that compile at the same time: PyTorch, which openai-whisper needs, is half of all."""
IMPORT_EACH: Final = """
import contextlib, importlib, sys
for name in sys.argv[1:]:
    with contextlib.suppress(Exception, SystemExit):
        importlib.import_module(name)
"""


def compile_imported(groups: Sequence[str], environment: Mapping[str, str]) -> int:
    """0 unless a process died. A module that can't be imported is left out."""
    writing = {name: value for name, value in environment.items() if name != "PYTHONDONTWRITEBYTECODE"}
    compiling = [subprocess.Popen([sys.executable, "-c", IMPORT_EACH, *names.split()], env=writing) for names in groups]
    return max(abs(process.wait()) for process in compiling)


if __name__ == "__main__":
    sys.exit(compile_imported(IMPORTED, os.environ))
