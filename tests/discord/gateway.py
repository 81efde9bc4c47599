"""The main gateway, version 10: who is connected, and what they are told."""

import asyncio
import json
from dataclasses import dataclass, field
from typing import Any, Final

from aiohttp import WSCloseCode, WSMsgType, web

from tests.discord.compression import ZlibStream
from tests.discord.events import GatewayClosed, GatewayHeartbeat, GatewayIdentified, GatewayResumed, Json
from tests.discord.journal import Journal
from tests.discord.voice_states import VoiceStates
from tests.discord.world import World

DISPATCH, HEARTBEAT, IDENTIFY, PRESENCE, VOICE_STATE, RESUME = 0, 1, 2, 3, 4, 6
RECONNECT, REQUEST_MEMBERS, INVALID_SESSION, HELLO, HEARTBEAT_ACK = 7, 8, 9, 10, 11

DECODE_ERROR, NOT_AUTHENTICATED, AUTHENTICATION_FAILED, ALREADY_AUTHENTICATED = 4002, 4003, 4004, 4005
RATE_LIMITED, TIMED_OUT, INVALID_SHARD, DISALLOWED_INTENTS = 4008, 4009, 4010, 4014
EVENTS_A_MINUTE: Final = 120
LARGEST_MESSAGE: Final = 4096
"""Bytes, of what a client may send."""
CLOSE_SECONDS: Final = 0.5
"""How long a client may take to answer a close."""

GUILDS, GUILD_VOICE_STATES, GUILD_MESSAGES, DIRECT_MESSAGES, MESSAGE_CONTENT = 1, 1 << 7, 1 << 9, 1 << 12, 1 << 15
GUILD_MEMBERS, PRESENCES = 1 << 1, 1 << 8
PRIVILEGED: Final = GUILD_MEMBERS | PRESENCES | MESSAGE_CONTENT
INTENT_OF: Final = {
    "GUILD_CREATE": GUILDS,
    "GUILD_DELETE": GUILDS,
    "CHANNEL_CREATE": GUILDS,
    "CHANNEL_DELETE": GUILDS,
    "CHANNEL_UPDATE": GUILDS,
    "GUILD_ROLE_UPDATE": GUILDS,
    "GUILD_MEMBER_ADD": GUILD_MEMBERS,
    "GUILD_MEMBER_REMOVE": GUILD_MEMBERS,
    "VOICE_STATE_UPDATE": GUILD_VOICE_STATES,
}
"""Events that only come to those who asked for them. Those of messages depend on where they were written."""


@dataclass(slots=True, eq=False)
class GatewaySession:
    """What outlives a connection: a client's session, its events since it began, and where they went."""

    id: str
    intents: int
    shard: tuple[int, int]
    sequence: int = 0
    sent: list[str] = field(default_factory=list)
    connection: "Connection | None" = None

    def sees_guild(self, guild_id: int) -> bool:
        return (guild_id >> 22) % self.shard[1] == self.shard[0]


class Connection:
    """One web socket."""

    def __init__(self, socket: web.WebSocketResponse, *, is_compressed: bool) -> None:
        self.socket = socket
        self.session: GatewaySession | None = None
        self._zlib = ZlibStream() if is_compressed else None

    async def send(self, text: str) -> None:
        if self.socket.closed:
            return
        try:
            if self._zlib:
                await self.socket.send_bytes(self._zlib.compress(text))
            else:
                await self.socket.send_str(text)
        except ConnectionResetError:
            return  # what was sent to a client that is going away is lost, as on any network


class Gateway:
    """Every connection to the main gateway. Belongs to the simulator's loop."""

    def __init__(self, world: World, journal: Journal, voice_states: VoiceStates) -> None:
        self.world = world
        self.journal = journal
        self.voice_states = voice_states
        self.url = ""
        """Where clients find it; set once the port is known."""
        self.heartbeat_seconds = 41.25
        self.recommended_shards = 1
        self.answers_heartbeats = True
        """False makes a zombie of every connection: open, and silent."""
        self.granted_intents = ~0
        """Without a privileged one here, an IDENTIFY that asks for it is closed with 4014."""
        self.sessions: dict[str, GatewaySession] = {}
        self._connections: set[Connection] = set()

    # What a test does to clients

    async def ask_to_reconnect(self) -> None:
        """Op 7 to everyone, as before a deploy."""
        for connection in [*self._connections]:
            await connection.send(_message(RECONNECT, None))

    async def invalidate_sessions(self, *, resumable: bool = False) -> None:
        """Op 9 to everyone."""
        for connection in [*self._connections]:
            if not resumable and connection.session:
                self.sessions.pop(connection.session.id, None)
                await self.voice_states.forget(connection.session)
            await connection.send(_message(INVALID_SESSION, resumable))

    async def drop_connections(self, code: int = WSCloseCode.ABNORMAL_CLOSURE) -> None:
        """Close every socket; ``code`` 1006 cuts the line without a close frame."""
        for connection in [*self._connections]:
            if code == WSCloseCode.ABNORMAL_CLOSURE:
                transport = connection.socket._req.transport if connection.socket._req else None
                if transport:
                    transport.abort()
            else:
                await connection.socket.close(code=code)

    async def dispatch(self, event: str, data: Json, guild_id: int | None = None) -> None:
        """To every session that may know of it. Buffered for those that are away."""
        for session in [*self.sessions.values()]:
            if self._may_see(session, event, guild_id):
                await self.tell(session, event, self._as_seen(session, event, data))

    async def tell(self, session: GatewaySession, event: str, data: Json) -> None:
        session.sequence += 1
        text = json.dumps({"op": DISPATCH, "t": event, "s": session.sequence, "d": data})
        session.sent.append(text)
        if session.connection and self.answers_heartbeats:
            await session.connection.send(text)

    # What clients do

    async def connect(self, request: web.Request) -> web.WebSocketResponse:
        socket = web.WebSocketResponse(max_msg_size=LARGEST_MESSAGE, timeout=CLOSE_SECONDS)
        await socket.prepare(request)
        connection = Connection(socket, is_compressed=request.query.get("compress") == "zlib-stream")
        self._connections.add(connection)
        await connection.send(_message(HELLO, {"heartbeat_interval": int(self.heartbeat_seconds * 1000)}))
        try:
            await self._listen(connection)
        finally:
            self._connections.discard(connection)
            session = connection.session
            if session and session.connection is connection:
                session.connection = None
            self.journal.record(GatewayClosed(session.id if session else None, socket.close_code))
            if session and socket.close_code in {1000, 1001}:
                self.sessions.pop(session.id, None)
                await self.voice_states.forget(session)
        return socket

    async def _listen(self, connection: Connection) -> None:
        received: list[float] = []
        loop_time = asyncio.get_running_loop().time
        while True:
            try:
                message = await connection.socket.receive(timeout=self.heartbeat_seconds * 1.5 + 1)
            except TimeoutError:
                await connection.socket.close(code=TIMED_OUT)
                return
            if message.type is not WSMsgType.TEXT:
                return
            received = [at for at in received if at > loop_time() - 60] + [loop_time()]
            if len(received) > EVENTS_A_MINUTE:
                await connection.socket.close(code=RATE_LIMITED)
                return
            try:
                payload = json.loads(message.data)
                op, data = payload["op"], payload.get("d")
            except (ValueError, KeyError, TypeError):
                await connection.socket.close(code=DECODE_ERROR)
                return
            await self._receive(connection, op, data)

    async def _receive(self, connection: Connection, op: int, data: Any) -> None:
        session = connection.session
        if op == HEARTBEAT:
            self.journal.record(GatewayHeartbeat(session.id if session else None, self.answers_heartbeats))
            if self.answers_heartbeats:
                await connection.send(_message(HEARTBEAT_ACK, None))
        elif op == IDENTIFY:
            await self._identify(connection, data)
        elif op == RESUME:
            await self._resume(connection, data)
        elif session is None:
            await connection.socket.close(code=NOT_AUTHENTICATED)
        elif op == VOICE_STATE:
            await self.voice_states.request(session, data)
        elif op == REQUEST_MEMBERS:
            await self._send_members(session, data)

    async def _identify(self, connection: Connection, data: Json) -> None:
        shard = tuple(data.get("shard", (0, 1)))
        if connection.session:
            code = ALREADY_AUTHENTICATED
        elif not self._knows(data):
            code = AUTHENTICATION_FAILED
        elif not 0 <= shard[0] < shard[1]:
            code = INVALID_SHARD
        elif data["intents"] & PRIVILEGED & ~self.granted_intents:
            code = DISALLOWED_INTENTS
        else:
            code = 0
        if code:
            await connection.socket.close(code=code)
            return
        session = GatewaySession(f"{self.world.chance.getrandbits(128):032x}", data["intents"], (shard[0], shard[1]))
        self.sessions[session.id] = session
        connection.session, session.connection = session, connection
        self.journal.record(GatewayIdentified(session.id, session.intents, session.shard))
        guilds = [guild for guild in self.world.guilds.values() if session.sees_guild(guild.id)]
        guilds = [guild for guild in guilds if self.world.bot.id in guild.members]
        await self.tell(session, "READY", self._ready(session, [guild.id for guild in guilds]))
        for guild in guilds:
            await self.tell(session, "GUILD_CREATE", guild.payload())

    def _ready(self, session: GatewaySession, guild_ids: list[int]) -> Json:
        return {
            "v": 10,
            "user": self.world.bot.payload() | {"verified": True, "mfa_enabled": True, "email": None},
            "guilds": [{"id": str(guild_id), "unavailable": True} for guild_id in guild_ids],
            "session_id": session.id,
            "resume_gateway_url": self.url,
            "shard": list(session.shard),
            "application": {"id": str(self.world.bot.id), "flags": 0},
            "_trace": ["simulated"],
        }

    async def _resume(self, connection: Connection, data: Json) -> None:
        if not self._knows(data):
            await connection.socket.close(code=AUTHENTICATION_FAILED)
            return
        session = self.sessions.get(data["session_id"])
        if session is None or data["seq"] is None or not 0 <= data["seq"] <= session.sequence:
            await connection.send(_message(INVALID_SESSION, False))
            return
        if session.connection:
            await session.connection.socket.close(code=TIMED_OUT)
        connection.session, session.connection = session, connection
        for text in session.sent[data["seq"] :]:
            await connection.send(text)
        self.journal.record(GatewayResumed(session.id, data["seq"]))
        await self.tell(session, "RESUMED", {"_trace": ["simulated"]})

    async def _send_members(self, session: GatewaySession, data: Json) -> None:
        guild = self.world.guild(int(data["guild_id"]))
        wanted = {int(user_id) for user_id in data.get("user_ids") or ()}
        members = [member.payload() for member in guild.members.values() if not wanted or member.id in wanted]
        chunk = {"guild_id": str(guild.id), "members": members, "chunk_index": 0, "chunk_count": 1}
        await self.tell(session, "GUILD_MEMBERS_CHUNK", chunk | {"nonce": data.get("nonce")})

    def _knows(self, data: Json) -> bool:
        """Whether the token of an IDENTIFY or RESUME is the bot's."""
        return str(data.get("token", "")).removeprefix("Bot ") == self.world.token

    def _may_see(self, session: GatewaySession, event: str, guild_id: int | None) -> bool:
        if guild_id is not None and not session.sees_guild(guild_id):
            return False
        if guild_id is None and session.shard[0] != 0:
            return False  # what has no guild goes to the first shard
        if event.startswith("MESSAGE_"):
            return bool(session.intents & (DIRECT_MESSAGES if guild_id is None else GUILD_MESSAGES))
        return not (needed := INTENT_OF.get(event, 0)) or bool(session.intents & needed)

    def _as_seen(self, session: GatewaySession, event: str, data: Json) -> Json:
        """Without the intent for it, a bot reads only what is written to it or by it."""
        if event not in {"MESSAGE_CREATE", "MESSAGE_UPDATE"} or session.intents & MESSAGE_CONTENT:
            return data
        bot = str(self.world.bot.id)
        is_for_bot = "guild_id" not in data or bot in {user["id"] for user in (*data["mentions"], data["author"])}
        return data if is_for_bot else data | {"content": "", "attachments": [], "embeds": [], "components": []}


def _message(op: int, data: Any) -> str:
    return json.dumps({"op": op, "d": data, "s": None, "t": None})
