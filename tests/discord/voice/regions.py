"""The voice servers, the rooms behind them, and tickets to get in."""

import random
from dataclasses import dataclass
from typing import Final

from tests.discord.certificate import Certificate
from tests.discord.journal import Journal
from tests.discord.member import Member
from tests.discord.voice.dave_group import DaveGroup
from tests.discord.voice.faults import VoiceFaults
from tests.discord.voice.network import Link
from tests.discord.voice.ops import Close
from tests.discord.voice.room import Room
from tests.discord.voice.server import VoiceServer
from tests.discord.voice.session import VoiceSession
from tests.discord.world import World

CUT: Final = 1006
RESUMABLE: Final = frozenset({CUT, Close.SERVER_CRASHED})


@dataclass(frozen=True, slots=True)
class Ticket:
    """What VOICE_SERVER_UPDATE says: where to connect for one guild, and with which token."""

    endpoint: str
    token: str


class Regions:
    """Belongs to the simulator's loop."""

    def __init__(self, world: World, journal: Journal, certificate: Certificate, seed: int) -> None:
        self.world = world
        self.journal = journal
        self.faults = VoiceFaults()
        self.seed = seed
        self.chance = random.Random(f"voice:{seed}")
        self.rooms: dict[int, Room] = {}
        self.sessions: dict[tuple[int, int], VoiceSession] = {}
        """By guild and user."""
        self.servers: list[VoiceServer] = []
        self._certificate = certificate
        self._tickets: dict[int, tuple[VoiceServer, str]] = {}
        self._begun = 0

    async def start(self) -> None:
        await self._add_server()

    async def stop(self) -> None:
        for server in self.servers:
            await server.stop()

    async def ticket(self, guild_id: int) -> Ticket:
        if guild_id not in self._tickets:
            self._tickets[guild_id] = (self.servers[0], self._new_token())
        server, token = self._tickets[guild_id]
        return Ticket(f"localhost:{server.port}", token)

    async def move(self, guild_id: int) -> VoiceServer:
        """Another server and token for a guild. The old server lets go of its clients when they leave it."""
        before, _token = self._tickets.get(guild_id, (self.servers[0], ""))
        others = [server for server in self.servers if server is not before]
        server = others[0] if others else await self._add_server()
        self._tickets[guild_id] = (server, self._new_token())
        return server

    def is_valid(self, guild_id: int, token: str) -> bool:
        return guild_id in self._tickets and self._tickets[guild_id][1] == token

    def room(self, channel_id: int) -> Room:
        if channel_id not in self.rooms:
            group = DaveGroup(channel_id, self.faults, self.journal)
            self.rooms[channel_id] = Room(channel_id, group, self.journal)
        return self.rooms[channel_id]

    def new_key(self) -> bytes:
        return self.chance.randbytes(32)

    async def begin(self, server: VoiceServer, member: Member, max_dave_version: int) -> VoiceSession:
        """A session for a client that identified. It takes the place of an earlier one in the same guild."""
        assert member.voice is not None
        before = self.sessions.get((member.guild_id, member.id))
        if before is not None:
            await self.end(before)
        ssrc = self.chance.getrandbits(24) << 3 | 1
        room = self.room(member.voice.channel_id)
        id_, guild_id = member.voice.session_id, member.guild_id
        session = VoiceSession(member.id, guild_id, id_, ssrc, room, max_dave_version, self.journal)
        self._begun += 1  # else who connects again meets the same mishaps again
        link = f"{self.seed}:{guild_id}:{member.id}:{self._begun}"
        session.send_to, session.faults = server.send, self.faults
        session.downlink = Link(self.faults.downlink, f"down:{link}", session.send_datagram)
        session.uplink = Link(self.faults.uplink, f"up:{link}", session.receive_packet)
        server.by_ssrc[ssrc] = session
        self.sessions[guild_id, member.id] = session
        return session

    async def end(self, session: VoiceSession, code: int | None = None) -> None:
        """Take a session out of its room for good; with a ``code``, close its socket with it."""
        if self.sessions.get((session.guild_id, session.user_id)) is session:
            del self.sessions[session.guild_id, session.user_id]
        for server in self.servers:
            server.forget(session)
        await session.room.leave(session)
        if code is not None:
            await session.hang_up(code)

    async def close(self, session: VoiceSession, code: int) -> None:
        """Close a real client's voice socket with any code. The session can be resumed only after those codes that
        Discord says so of; 1006 cuts the line."""
        if code not in RESUMABLE:
            await self.end(session, code)
        elif code == CUT:
            transport = session.socket._req.transport if session.socket and session.socket._req else None
            if transport:
                transport.abort()
        else:
            await session.hang_up(code)

    def is_connected(self, user_id: int, guild_id: int) -> bool:
        """Whether a real client has an open voice socket."""
        session = self.sessions.get((guild_id, user_id))
        return session is not None and session.socket is not None and not session.socket.closed

    async def disconnect(self, user_id: int, guild_id: int, *, code: int) -> None:
        """End a real client's voice session, when it has one."""
        if session := self.sessions.get((guild_id, user_id)):
            await self.end(session, code)

    def _new_token(self) -> str:
        return f"{self.chance.getrandbits(64):016x}"

    async def _add_server(self) -> VoiceServer:
        server = VoiceServer(self, self._certificate)
        await server.start()
        self.servers.append(server)
        return server
