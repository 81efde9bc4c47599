"""The voice websocket: nextcord's, with every message understood that a listener needs, and no secret in any log.

Event loop only. https://discord.com/developers/docs/topics/voice-connections, gateway version 8.
"""

import asyncio
import struct
import threading
from collections.abc import Sequence
from typing import Any, Final, Protocol, Self

import aiohttp
from loguru import logger
from nextcord import utils
from nextcord.errors import ConnectionClosed
from nextcord.gateway import DiscordVoiceWebSocket, VoiceKeepAliveHandler
from nextcord.http import HTTPClient

from bot.voice.closing import NO_CODE
from bot.voice.discovery import Address
from bot.voice.e2ee import GroupState

QUIET_SECONDS: Final = 30.0
"""Nothing for so long, heartbeats' echoes included: the connection is dead. As nextcord has it."""
CLOSE_SECONDS: Final = 1.0
"""How long the other side may take to say goodbye too."""
HEARTBEAT_SECONDS: Final = 5.0
"""At least as often as this, whatever the server asks; as nextcord has it."""


class Closed(Exception):
    """The connection is closed; ``code`` is NO_CODE when it broke without one."""

    def __init__(self, code: int) -> None:
        super().__init__(f"the voice connection closed with {code}")
        self.code = code


class Session(Protocol):
    """The voice connection, as far as its gateway cares: where it leads, and who does what it says."""

    endpoint: str
    loop: asyncio.AbstractEventLoop

    @property
    def http(self) -> HTTPClient: ...

    @property
    def supported_modes(self) -> Sequence[str]:
        """The best first."""
        ...

    @property
    def group(self) -> GroupState: ...

    async def open_udp(self, ssrc: int, ip: str, port: int) -> Address:
        """A fresh socket, and our address as it is seen from there. Raises OSError, NoDiscovery."""
        ...

    def hear_with(self, mode: str, key: bytes, dave_version: int) -> None:
        """The key is known: listen. Raises ValueError."""

    async def introduce(self) -> None:
        """Tell the server our SSRC, which it wants to know before any sound, and whether we speak."""

    def greet(self) -> None:
        """Somebody came: tell our SSRC again, else they would not know whose our first words are."""

    def name(self, ssrc: int, user_id: int) -> None:
        """The gateway said whose voice an SSRC is."""

    def forget(self, user_id: int) -> None:
        """Somebody left the channel."""


class VoiceGateway(DiscordVoiceWebSocket):
    """One websocket to one voice server."""

    VIDEO: Final = 12
    CLIENT_FLAGS: Final = 18
    CLIENT_PLATFORM: Final = 20

    _connection: Session  # type: ignore[assignment]  # nextcord's is a VoiceClient, which it is, too

    def __init__(self, socket: aiohttp.ClientWebSocketResponse, connection: Session) -> None:
        super().__init__(socket, connection.loop)  # type: ignore[arg-type]  # its subclass differs in a default alone
        self.gateway = f"wss://{connection.endpoint}"
        self._connection = connection
        self._max_heartbeat_timeout = 60.0
        self.thread_id = threading.get_ident()
        self.is_resumed = False
        self._closing: asyncio.Task[None] | None = None

    @classmethod
    async def begin(cls, connection: Session, resume_from: int | None = None) -> Self:
        """Connect, and identify or, with the last sequence number that was seen, resume.

        Raises aiohttp.ClientError, OSError."""
        socket = await connection.http.ws_connect(f"wss://{connection.endpoint}/?v=8", compress=15)
        gateway = cls(socket, connection)
        try:
            if resume_from is None:
                await gateway.identify()
            else:
                gateway.seq_ack = resume_from
                await gateway.resume()
        except BaseException:
            gateway.leave()
            raise
        return gateway

    async def send_as_json(self, data: Any) -> None:  # noqa: ANN401 - nextcord's signature
        """Nextcord logs what it sends: the token among it."""
        await self.ws.send_str(utils.to_json(data))

    async def send_as_bytes(self, data: bytes) -> None:
        await self.ws.send_bytes(data)

    send_heartbeat = send_as_json

    async def poll_event(self) -> None:
        """Wait for one message and do what it says. Raises Closed."""
        try:
            async with asyncio.timeout(QUIET_SECONDS):
                message = await self.ws.receive()
        except (TimeoutError, aiohttp.ClientError, OSError) as error:
            raise Closed(NO_CODE) from error
        if message.type in {aiohttp.WSMsgType.TEXT, aiohttp.WSMsgType.BINARY}:
            await self._follow(message.data)
        elif message.type in {
            aiohttp.WSMsgType.CLOSED,
            aiohttp.WSMsgType.CLOSE,
            aiohttp.WSMsgType.CLOSING,
            aiohttp.WSMsgType.ERROR,
        }:
            raise Closed(self._close_code or self.ws.close_code or NO_CODE)

    async def _follow(self, content: str | bytes) -> None:
        """A message that nobody can understand is skipped: the next one may be as it should be."""
        try:
            if isinstance(content, str):
                await self.received_message(utils.from_json(content))
            else:
                await self.received_message_binary(content)
        except (KeyError, TypeError, ValueError, IndexError, AttributeError, struct.error) as error:
            logger.warning("A message of the voice server made no sense: {}", type(error).__name__)
        except (ConnectionClosed, ConnectionError, aiohttp.ClientError) as error:
            raise Closed(self.ws.close_code or NO_CODE) from error

    async def received_message(self, msg: dict[str, Any]) -> None:
        """One JSON message. ``seq`` stands beside ``d``, not in it, and ``d`` may be null."""
        self.seq_ack = msg.get("seq", self.seq_ack)
        op, data = msg["op"], msg.get("d") or {}
        if op == self.RESUMED:
            self.is_resumed = True
        elif op == self.HEARTBEAT_ACK:
            if self._keep_alive is not None:
                self._keep_alive.ack()
        elif op == self.HELLO:
            self._beat(data["heartbeat_interval"] / 1000)
        elif op == self.READY:
            await self.initial_connection(data)
        elif op == self.SESSION_DESCRIPTION:
            await self._described(data)
        elif not self._names_somebody(op, data):
            await self._changes_group(op, data)

    async def received_message_binary(self, msg: bytes) -> None:
        """One DAVE message: two bytes of sequence number, one of operation."""
        if len(msg) < 3:
            raise ValueError("too short")
        self.seq_ack = int.from_bytes(msg[:2], "big")
        group, op = self._connection.group, msg[2]
        if op == self.DAVE_MLS_EXTERNAL_SENDER:
            group.mls_external_sender(msg[3:])
        elif op == self.DAVE_MLS_PROPOSALS:
            await group.mls_proposals(msg[3:])
        elif op == self.DAVE_MLS_ANNOUNCE_COMMIT_TRANSITION:
            await group.mls_announce_commit_transition(int.from_bytes(msg[3:5], "big"), msg[5:])
        elif op == self.DAVE_MLS_WELCOME:
            await group.mls_welcome(int.from_bytes(msg[3:5], "big"), msg[5:])

    async def initial_connection(self, data: dict[str, Any]) -> None:
        """Who we are there, and where: choose a mode that both know."""
        offered = data["modes"]
        address = await self._connection.open_udp(data["ssrc"], data["ip"], data["port"])
        mode = next((mode for mode in self._connection.supported_modes if mode in offered), None)
        if mode is None:
            raise RuntimeError(f"the voice server knows none of our transport modes: {', '.join(map(str, offered))}")
        await self.select_protocol(address.ip, address.port, mode)

    def leave(self, code: int = 1000) -> None:
        """Say goodbye without waiting for the answer: nothing of it is left a second later."""
        if self._closing is None:
            self._closing = asyncio.create_task(self.close(code), name="close-voice-gateway")

    async def close(self, code: int = 1000) -> None:
        if self._keep_alive is not None:
            self._keep_alive.stop()
        self._close_code = code
        try:
            async with asyncio.timeout(CLOSE_SECONDS):
                await self.ws.close(code=code)
        except (TimeoutError, aiohttp.ClientError, OSError):
            pass  # it is gone already

    def _beat(self, interval_seconds: float) -> None:
        if self._keep_alive is not None:
            self._keep_alive.stop()
        self._keep_alive = VoiceKeepAliveHandler(ws=self, interval=min(interval_seconds, HEARTBEAT_SECONDS))
        self._keep_alive.start()

    async def _described(self, data: dict[str, Any]) -> None:
        key = bytes(data["secret_key"])
        version = data.get("dave_protocol_version") or 0
        self._connection.hear_with(data["mode"], key, version)
        await self._connection.group.initialise(version)
        await self._connection.introduce()
        self.secret_key = list(key)

    def _names_somebody(self, op: int, data: dict[str, Any]) -> bool:
        connection = self._connection
        if op == self.SPEAKING:
            connection.name(int(data["ssrc"]), int(data["user_id"]))
        elif op == self.VIDEO:
            if ssrc := int(data.get("audio_ssrc") or 0):
                connection.name(ssrc, int(data["user_id"]))
        elif op in {self.CLIENT_FLAGS, self.CLIENT_PLATFORM}:
            connection.group.add_recognised_user(int(data["user_id"]))
        elif op == self.CLIENTS_CONNECT:
            for user_id in data["user_ids"]:
                connection.group.add_recognised_user(int(user_id))
            connection.greet()
        elif op == self.CLIENT_DISCONNECT:
            connection.forget(int(data["user_id"]))
        else:
            return False
        return True

    async def _changes_group(self, op: int, data: dict[str, Any]) -> None:
        group = self._connection.group
        if op == self.DAVE_PREPARE_TRANSITION:
            await group.prepare_transition(data["transition_id"], data["protocol_version"])
        elif op == self.DAVE_EXECUTE_TRANSITION:
            group.execute_transition(data["transition_id"])
        elif op == self.DAVE_PREPARE_EPOCH:
            await group.prepare_epoch(data["epoch"], data["protocol_version"])
