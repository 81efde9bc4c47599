"""How the threads of one model wait for each other, which they do some hundred times a token.

Going to sleep takes longer than most of these waits, so they spin, for some ten microseconds. By spinning for the
millisecond of the default they would fight the processes with which they share the cores, once one of them was put off
its own: a language model wrote 3.5 tokens a second instead of 100 (docs/language.md).
"""

import os
from typing import Final

BRIEFLY: Final = {
    # GNU's OpenMP, on which PyPI's wheels for Linux and llama.cpp stand. "Passive" would also mean not to spin at all
    # once the process has more threads than there are cores, sleeping ones included.
    "OMP_WAIT_POLICY": "active",
    "GOMP_SPINCOUNT": "2000",
    # LLVM's and Intel's, which take "active" for ever.
    "KMP_BLOCKTIME": "0",
}


def wait_briefly() -> None:
    """To be called before anything that brings OpenMP is imported, which reads this then. What the environment says
    about it counts more."""
    if not BRIEFLY.keys() & os.environ.keys():
        os.environ.update(BRIEFLY)
