"""Which fields of a request a provider doesn't take, learnt from its refusals: a wrong row costs one request."""

import re
from collections.abc import Mapping
from typing import Any, Final

from loguru import logger

from config.providers import ChatProvider
from workers.cloud.failures import RequestRefused

DISPENSABLE: Final = frozenset({"stream_options", "seed", "random_seed", "temperature"})
"""Of the fields that we send by ourselves, those that an answer can do without. So it can without all of the row's."""


class RefusedFields:
    """By row and model, as long as the process lives. Belongs to the cloud's event loop."""

    def __init__(self) -> None:
        self._refused: dict[tuple[str, str], frozenset[str]] = {}

    def without(self, row: ChatProvider, model: str, body: Mapping[str, Any]) -> dict[str, Any]:
        """The body as it may be sent."""
        refused = self._refused.get((row.name, model), frozenset())
        return {name: value for name, value in body.items() if name not in refused}

    def learn(self, row: ChatProvider, model: str, body: Mapping[str, Any], error: RequestRefused) -> None:
        """Fields of ``body`` that the refusal names are left out from now on."""
        dispensable = (DISPENSABLE | set(row.body)) & set(body)
        named = frozenset(name for name in dispensable if _names(error.raw, name))
        if named:
            self._refused[row.name, model] = self._refused.get((row.name, model), frozenset()) | named
            names = ", ".join(sorted(named))
            logger.bind(model=row.name).warning("{} refuses {}: not sent any more", row.name, names)


def _names(refusal: str, field: str) -> bool:
    """Whether the refusal is about the field; some write ``reasoningEffort``."""
    spelled = "[_ -]?".join(map(re.escape, field.split("_")))
    return re.search(rf"\b{spelled}\b", refusal, re.IGNORECASE) is not None
