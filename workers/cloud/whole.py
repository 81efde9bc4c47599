"""One request, and its answer when all of it is there: never half of one, and never more than was bargained for.

Belongs to the cloud's event loop. Cancelling the caller closes the socket.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

import httpx2 as httpx

from config.providers import Access
from workers.cloud.failures import broken, refusal
from workers.errors import EngineError, EngineMisconfigured, EngineUnavailable

MOST_REFUSAL_BYTES: Final = 16_384
"""Of an error page: enough for its reason, whatever is behind that."""


@dataclass(frozen=True, slots=True)
class Whole:
    """A good answer."""

    body: bytes
    content_type: str
    """In small letters, without parameters; empty when the provider didn't say."""


type Explain = Callable[[int, bytes], EngineError | None]
"""What a provider means by a refusal (its status and body) where that is not what others mean by it; else None."""


def _as_others_mean_it(_status: int, _body: bytes) -> None:
    return None


def key_of(access: Access[Any]) -> str:
    """The key as it is sent; empty where none is needed. Raises EngineMisconfigured."""
    key = access.key.get_secret_value() if access.key is not None else ""
    if not (key.isascii() and key.isprintable()):
        raise EngineMisconfigured(access.row.name, "its key has letters that no key has")
    return key


async def fetch(
    client: httpx.AsyncClient,
    request: httpx.Request,
    *,
    engine: str,
    most_bytes: int,
    hidden: tuple[str, ...] = (),
    explain: Explain = _as_others_mean_it,
    clock: Callable[[], float] = time.time,
) -> Whole:
    """``hidden`` are the key and what was said: no error tells of them. ``clock`` in seconds since the epoch.

    Raises EngineError: what a refusal means, and EngineUnavailable for an answer of more than ``most_bytes``."""
    try:
        response = await client.send(request, stream=True)
        try:
            if response.status_code != httpx.codes.OK:
                status, said = response.status_code, await beginning(response)
                raise explain(status, said) or refusal(
                    engine, status, response.headers, said, now=clock(), hidden=hidden
                )
            body = await _bounded(response, engine, most_bytes)
        finally:
            await response.aclose()
    except (httpx.HTTPError, httpx.InvalidURL, httpx.StreamError) as error:
        raise broken(engine, error) from error
    kind = response.headers.get("content-type", "").partition(";")[0].strip().lower()
    return Whole(body, kind)


async def _bounded(response: httpx.Response, engine: str, most_bytes: int) -> bytes:
    body = bytearray()
    async for chunk in response.aiter_bytes():
        body += chunk
        if len(body) > most_bytes:
            raise EngineUnavailable(engine, f"an answer of more than {most_bytes} bytes")
    return bytes(body)


async def beginning(response: httpx.Response) -> bytes:
    """What a refusal says for itself; what there is of it when it breaks off."""
    body = bytearray()
    try:
        async for chunk in response.aiter_bytes():
            body += chunk
            if len(body) >= MOST_REFUSAL_BYTES:
                break
    except httpx.HTTPError:
        pass
    return bytes(body[:MOST_REFUSAL_BYTES])
