"""Which models a provider has now: ``GET /models``, in the shapes that providers give the answer."""

import json
import time
from collections.abc import Callable, Mapping
from typing import Final

import httpx2 as httpx

from config.providers import Access, ChatProvider
from workers.cloud.exchange import headers_of
from workers.cloud.whole import fetch
from workers.errors import EngineError, EngineMisconfigured, EngineUnavailable

LARGEST_LIST_BYTES: Final = 16 << 20
"""OpenRouter describes hundreds of models."""
LIST_SECONDS: Final = 5.0
_CHATTING_TYPES: Final = frozenset({"chat", "language", "text", "llm", "model", "text-generation", "vlm", ""})


async def listed(
    client: httpx.AsyncClient,
    access: Access[ChatProvider],
    ours: Mapping[str, str],
    clock: Callable[[], float] = time.time,
) -> tuple[str, ...]:
    """The names of the models that are said to chat; ``ours`` are the dialect's headers. Raises EngineError."""
    engine = access.row.name
    request = client.build_request(
        "GET",
        httpx.URL(f"{access.base_url}/").join(access.row.models_path),
        headers=headers_of(access, ours),
        timeout=LIST_SECONDS,
    )

    def explain(status: int, _said: bytes) -> EngineError | None:
        """No model is missing here, but the list."""
        return EngineMisconfigured(engine, "it doesn't list its models") if status in (404, 405, 410) else None

    hidden = (access.key.get_secret_value(),) if access.key is not None else ()
    whole = await fetch(
        client, request, engine=engine, most_bytes=LARGEST_LIST_BYTES, hidden=hidden, explain=explain, clock=clock
    )
    return names_in(engine, whole.body)


def names_in(engine: str, raw: bytes) -> tuple[str, ...]:
    """The names in a list of models, in its order. Raises EngineUnavailable."""
    try:
        body = json.loads(raw)
    except (ValueError, RecursionError):
        raise EngineUnavailable(engine, "its list of models can't be read") from None
    if isinstance(body, dict):
        lists = (body.get(name) for name in ("data", "models", "result"))
        body = next((found for found in lists if isinstance(found, list)), None)
    if not isinstance(body, list):
        raise EngineUnavailable(engine, "its list of models can't be read")
    names = (_name_in(entry) for entry in body)
    return tuple(dict.fromkeys(name for name in names if name))


def _name_in(entry: object) -> str:
    """Empty for a model that is said to do something else than chat, or to be out of work."""
    if isinstance(entry, str):
        return entry
    if not isinstance(entry, dict) or entry.get("active") is False:
        return ""
    trade, skills = entry.get("type", "chat"), entry.get("capabilities")
    if isinstance(trade, str) and trade.lower() not in _CHATTING_TYPES:
        return ""
    if isinstance(skills, dict) and skills.get("completion_chat") is False:
        return ""
    # Cloudflare's ``id`` is a number of its own, its ``name`` what is asked for.
    ids = (entry.get(name) for name in (("name",) if "task" in entry else ("id", "name", "model")))
    return next((name for name in ids if isinstance(name, str)), "")
