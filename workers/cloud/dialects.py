"""Which dialects there are, by the name that rows give them. One of each serves all providers of a process."""

import time
from collections.abc import Callable, Mapping
from functools import cache
from typing import Final

from workers.cloud.anthropic import anthropic
from workers.cloud.dialect import ChatDialect
from workers.cloud.openai_style import openai_style

DIALECTS: Final[Mapping[str, Callable[[Callable[[], float]], ChatDialect]]] = {
    "openai": openai_style,
    "anthropic": anthropic,
}


@cache
def dialect_of(name: str) -> ChatDialect:
    """The dialect of a row. Rows are checked when they are read, so every name is there."""
    return DIALECTS[name](time.time)
