"""One web socket to a voice server: from hello to goodbye."""

import asyncio
import json
from typing import TYPE_CHECKING, Any, Final

from aiohttp import WSMessage, WSMsgType, web

from tests.discord.events import Json, VoiceClosed, VoiceConnected, VoiceMessage, VoiceResumed
from tests.discord.voice.mls_codec import NotMls
from tests.discord.voice.ops import Close, Op
from tests.discord.voice.session import VoiceSession
from tests.discord.voice.transport import Transport

if TYPE_CHECKING:
    from tests.discord.voice.regions import Regions
    from tests.discord.voice.server import VoiceServer

ENDED_FOR_GOOD: Final = frozenset({1000, 1001, Close.SESSION_TIMEOUT})
"""Closes after which nothing can be resumed; the first two are a client's goodbye."""
MISSED_INTERVALS: Final = 1.5
"""Without a heartbeat for so many, a client is taken to be gone."""


class VoiceRefusal(Exception):
    """A client's message that closes its socket."""

    def __init__(self, code: int) -> None:
        super().__init__(f"closed with {code}")
        self.code = code


class VoiceHandshake:
    """Belongs to the simulator's loop."""

    def __init__(self, server: "VoiceServer", regions: "Regions", socket: web.WebSocketResponse) -> None:
        self.server = server
        self.regions = regions
        self.socket = socket
        self.session: VoiceSession | None = None
        self._patience = server.heartbeat_seconds * MISSED_INTERVALS
        self._until_timeout: asyncio.Timeout

    async def listen(self) -> None:
        """Until the socket is closed, by either side."""
        await self._send(Op.HELLO, {"v": 8, "heartbeat_interval": int(self.server.heartbeat_seconds * 1000)})
        try:
            async with asyncio.timeout(self._patience) as self._until_timeout:
                async for message in self.socket:
                    await self._receive(message)
        except TimeoutError:
            await self.socket.close(code=Close.SESSION_TIMEOUT)
            await self._goodbye(Close.SESSION_TIMEOUT)
            return
        except VoiceRefusal as refusal:
            await self.socket.close(code=refusal.code)
            await self._goodbye(refusal.code)
            return
        closed_by_us = self.session.closed_with if self.session else None
        await self._goodbye(closed_by_us or self.socket.close_code)

    async def _receive(self, message: WSMessage) -> None:
        if message.type is WSMsgType.BINARY and message.data:
            await self._receive_binary(message.data[0], message.data[1:])
            return
        try:
            payload = json.loads(message.data)
            op, data = payload["op"], payload["d"]
        except (ValueError, KeyError, TypeError):
            raise VoiceRefusal(Close.UNREADABLE) from None
        self.regions.journal.record(VoiceMessage(self.session.user_id if self.session else None, op, data))
        if op == Op.HEARTBEAT:
            await self._heartbeat(data)
        elif op == Op.IDENTIFY:
            await self._identify(data)
        elif op == Op.RESUME:
            await self._resume(data)
        elif self.session is None:
            raise VoiceRefusal(Close.NOT_AUTHENTICATED)
        else:
            await self._receive_of(self.session, op, data)

    async def _heartbeat(self, data: Any) -> None:
        self._until_timeout.reschedule(asyncio.get_running_loop().time() + self._patience)
        is_version_8 = isinstance(data, dict)
        if self.session and is_version_8 and "seq_ack" in data:
            self.session.acknowledged = int(data["seq_ack"])
        if self.regions.faults.answers_heartbeats:
            await self._send(Op.HEARTBEAT_ACK, {"t": data["t"] if is_version_8 else data})

    async def _receive_of(self, session: VoiceSession, op: int, data: Any) -> None:
        match op:
            case Op.SELECT_PROTOCOL:
                await self._select_protocol(session, data)
            case Op.SPEAKING:
                if data["ssrc"] != session.ssrc:
                    raise VoiceRefusal(Close.BAD_REQUEST)
                session.has_announced_itself = True
                await session.room.speaking(session, data["speaking"])
            case Op.VIDEO:
                return
            case Op.TRANSITION_READY | Op.INVALID_COMMIT_WELCOME:
                await session.room.dave.receive(session, op, data)
            case _:
                raise VoiceRefusal(Close.UNKNOWN_OPCODE)

    async def _receive_binary(self, op: int, payload: bytes) -> None:
        if self.session is None:
            raise VoiceRefusal(Close.NOT_AUTHENTICATED)
        self.regions.journal.record(VoiceMessage(self.session.user_id, op, payload))
        try:
            await self.session.room.dave.receive_binary(self.session, op, payload)
        except NotMls:
            raise VoiceRefusal(Close.BAD_REQUEST) from None

    async def _identify(self, data: Json) -> None:
        if self.session:
            raise VoiceRefusal(Close.ALREADY_AUTHENTICATED)
        if self.regions.faults.close_identify_with:
            raise VoiceRefusal(self.regions.faults.close_identify_with.pop(0))
        guild_id, user_id = int(data["server_id"]), int(data["user_id"])
        dave = data.get("max_dave_protocol_version") or 0
        if not self.regions.is_valid(guild_id, data["token"]):
            raise VoiceRefusal(Close.AUTHENTICATION_FAILED)
        guild = self.regions.world.guilds.get(guild_id)
        member = guild.members.get(user_id) if guild else None
        if member is None or member.voice is None or member.voice.session_id != data["session_id"]:
            raise VoiceRefusal(Close.SESSION_INVALID)
        if self.regions.faults.requires_dave and dave < 1:
            raise VoiceRefusal(Close.DAVE_REQUIRED)
        session = await self.regions.begin(self.server, member, dave)
        self.session, session.socket = session, self.socket
        faults = self.regions.faults
        await session.tell(
            Op.READY,
            {
                "ssrc": session.ssrc,
                "ip": "127.0.0.1",
                "port": self.server.udp_port,
                "modes": list(faults.modes),
                "experiments": [],
                "streams": [],
            },
        )

    async def _select_protocol(self, session: VoiceSession, data: Json) -> None:
        if data["protocol"] != "udp":
            raise VoiceRefusal(Close.UNKNOWN_PROTOCOL)
        mode = data["data"]["mode"]
        if mode not in self.regions.faults.modes:
            raise VoiceRefusal(Close.UNKNOWN_MODE)
        key = self.regions.new_key()
        session.transport = Transport(mode, key)
        version = session.room.dave.version_with(session)
        await session.tell(
            Op.SESSION_DESCRIPTION,
            {
                "mode": mode,
                "secret_key": list(key),
                "dave_protocol_version": version,
                "audio_codec": "opus",
                "video_codec": "H264",
                "media_session_id": session.id,
            },
        )
        await session.room.enter(session)
        self.regions.journal.record(VoiceConnected(session.user_id, session.room.channel_id, mode))

    async def _resume(self, data: Json) -> None:
        if self.regions.faults.close_resume_with:
            raise VoiceRefusal(self.regions.faults.close_resume_with.pop(0))
        sessions = self.regions.sessions.values()
        known = [session for session in sessions if session.id == data["session_id"]]
        known = [session for session in known if str(session.guild_id) == str(data["server_id"])]
        if not known or not self.regions.is_valid(known[0].guild_id, data["token"]):
            raise VoiceRefusal(Close.SESSION_INVALID)
        self.session = session = known[0]
        session.closed_with = None
        before, session.socket = session.socket, self.socket
        if before is not None and not before.closed:
            await before.close(code=Close.SESSION_TIMEOUT)
        seq_ack = int(data.get("seq_ack", -1))
        replayed = await session.replay(seq_ack)
        await session.tell(Op.RESUMED, None if self.regions.faults.has_null_resumed else {})
        self.regions.journal.record(VoiceResumed(session.user_id, seq_ack, replayed))

    async def _goodbye(self, code: int | None) -> None:
        session = self.session
        self.regions.journal.record(VoiceClosed(session.user_id if session else None, code))
        if session is None or session.socket is not self.socket:
            return
        session.socket = None
        if code in ENDED_FOR_GOOD:
            await self.regions.end(session)

    async def _send(self, op: int, data: Json) -> None:
        if not self.socket.closed:
            await self.socket.send_str(json.dumps({"op": int(op), "d": data}))
