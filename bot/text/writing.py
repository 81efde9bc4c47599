"""Write into one Discord channel: post, edit and delete, with a nonce that Discord holds to, and patience.

nextcord waits for rate limits and tries 500, 502 and 504 again by itself. Here 503 and broken lines are, too: the
nonce makes that safe.
"""

import asyncio
import base64
from collections.abc import Awaitable, Callable
from typing import Any, Final, Literal, Protocol

import aiohttp
import nextcord
from loguru import logger
from nextcord.http import HTTPClient, Route

AGAIN_AFTER_SECONDS: Final = (0.5, 1.5, 4.0)
NOBODY_RINGS: Final = nextcord.AllowedMentions.none()
"""Whatever she writes."""
UNAVAILABLE: Final = 503
MOST_PARTS: Final = 100
"""Messages that one turn has nonces for."""

type Reason = Literal["forbidden", "gone", "refused", "unreachable"]


class CannotWrite(Exception):
    """``forbidden``: a permission is missing. ``gone``: the channel was deleted, or somebody deleted the answer.
    ``refused``: Discord doesn't want this text. ``unreachable``: Discord doesn't answer."""

    def __init__(self, reason: Reason, detail: str) -> None:
        super().__init__(f"{reason}: {detail}")
        self.reason: Final = reason


class Paper(Protocol):
    """Where an answer is written. All raise CannotWrite."""

    async def post(self, content: str, nonce: str) -> int:
        """Returns the message's id. Posting again with the same nonce changes nothing."""
        ...

    async def edit(self, message_id: int, content: str) -> None: ...

    async def delete(self, message_id: int) -> None: ...


def nonce_of(turn_id: str, part: int) -> str:
    """A turn's id (a UUID in hexadecimal) and the number of a message, in the 25 characters that Discord has for it.
    No two turns and no two parts share one."""
    if not 0 <= part < MOST_PARTS:
        raise ValueError(f"no nonce for part {part}")
    name = base64.urlsafe_b64encode(bytes.fromhex(turn_id)).decode().rstrip("=")
    return f"{name}.{part}"


class ChannelPaper:
    """A channel that nextcord knows. The first message is a reply to ``reply_to``, if it is still there then.

    Belongs to the client's event loop."""

    def __init__(
        self,
        http: HTTPClient,
        channel_id: int,
        reply_to: nextcord.Message | None = None,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._http = http
        self._channel_id = channel_id
        self._reference = None if reply_to is None else _reference_to(reply_to)
        self._sleep = sleep

    async def post(self, content: str, nonce: str) -> int:
        while True:
            reference, self._reference = self._reference, None
            try:
                posted = await self._patiently(lambda: self._post(content, nonce, reference))  # noqa: B023  # awaited here
                return int(posted["id"])
            except CannotWrite as error:
                # Replying needs one more permission than writing, and a message that can be replied to.
                if reference is None or error.reason not in ("forbidden", "refused"):
                    raise

    async def edit(self, message_id: int, content: str) -> None:
        edit, nobody = self._http.edit_message, NOBODY_RINGS.to_dict()
        await self._patiently(lambda: edit(self._channel_id, message_id, content=content, allowed_mentions=nobody))

    async def delete(self, message_id: int) -> None:
        await self._patiently(lambda: self._http.delete_message(self._channel_id, message_id))

    def _post(self, content: str, nonce: str, reference: Any) -> Awaitable[Any]:  # noqa: ANN401  # nextcord's own JSON
        payload = self._http.get_message_payload(
            content, nonce=nonce, allowed_mentions=NOBODY_RINGS.to_dict(), message_reference=reference
        )
        # nextcord's own senders never say so, and without it Discord posts the same nonce twice.
        payload["enforce_nonce"] = True
        route = Route("POST", "/channels/{channel_id}/messages", channel_id=self._channel_id)
        return self._http.request(route, json=payload)

    async def _patiently(self, request: Callable[[], Awaitable[Any]]) -> Any:  # noqa: ANN401  # nextcord's own JSON
        """Raises CannotWrite."""
        for wait in (*AGAIN_AFTER_SECONDS, None):
            try:
                return await request()
            except nextcord.Forbidden as error:
                raise CannotWrite("forbidden", str(error)) from error
            except nextcord.NotFound as error:
                raise CannotWrite("gone", str(error)) from error
            except (nextcord.HTTPException, aiohttp.ClientError, TimeoutError, OSError) as error:
                status = error.status if isinstance(error, nextcord.HTTPException) else UNAVAILABLE
                if wait is None or status != UNAVAILABLE:
                    is_refused = 400 <= status < 500 and status != 429
                    raise CannotWrite("refused" if is_refused else "unreachable", repr(error)) from error
                logger.bind(success=False).warning("Discord didn't take a message, again in {} s: {!r}", wait, error)
                await self._sleep(wait)
        raise AssertionError("the last try returns or raises")


def paper_for(message: nextcord.Message) -> ChannelPaper:
    """Where the answer to ``message`` goes: in a server as a reply, between two people without."""
    http = message._state.http  # noqa: SLF001  # nextcord has no public way to enforce a nonce
    return ChannelPaper(http, message.channel.id, message if message.guild else None)


def _reference_to(message: nextcord.Message) -> Any:  # noqa: ANN401  # nextcord's own JSON
    return {"message_id": message.id, "channel_id": message.channel.id, "fail_if_not_exists": False}
