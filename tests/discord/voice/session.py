"""A real client's voice session: what its web socket and its datagrams are part of."""

import json
import struct
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from aiohttp import web

from tests.discord.events import Json, PacketReceived, PacketRefused
from tests.discord.journal import Journal
from tests.discord.voice.faults import VoiceFaults
from tests.discord.voice.network import Link
from tests.discord.voice.ops import UNNUMBERED, Op
from tests.discord.voice.room import Room
from tests.discord.voice.rtp import NotRtp, RtpPacket
from tests.discord.voice.transport import Transport

type Address = tuple[str, int]


@dataclass(frozen=True, slots=True)
class Sent:
    """A numbered message, kept for a resume."""

    sequence: int
    frame: str | bytes


class VoiceSession:
    """A seat in a room that outlives its socket. Belongs to the simulator's loop."""

    def __init__(
        self, user_id: int, guild_id: int, id_: str, ssrc: int, room: Room, max_dave_version: int, journal: Journal
    ) -> None:
        self.user_id = user_id
        self.guild_id = guild_id
        self.id = id_
        self.ssrc = ssrc
        self.room = room
        self.max_dave_version = max_dave_version
        self.journal = journal
        self.socket: web.WebSocketResponse | None = None
        self.transport: Transport | None = None
        self.address: Address | None = None
        self.closed_with: int | None = None
        """The code that the server closed its socket with; None when it hasn't."""
        self.has_announced_itself = False
        """Discord passes nothing on from a client that never sent op 5."""
        self.sequence = 0
        self.acknowledged = -1
        """Up to which message the client said, with its last heartbeat, that it has read."""
        self.sent: list[Sent] = []
        self.faults: VoiceFaults
        self.downlink: Link
        self.uplink: Link
        self.send_to: Callable[[bytes, Address], None]

    async def tell(self, op: int, data: Json | None) -> None:
        message: dict[str, Any] = {"op": int(op), "d": data}
        if op not in UNNUMBERED:
            self.sequence += 1
            message["seq"] = self.sequence
        frame = json.dumps(message)
        if op not in UNNUMBERED:
            self.sent.append(Sent(self.sequence, frame))
        await self._send(frame)

    async def tell_binary(self, op: int, payload: bytes) -> None:
        if op in {Op.ANNOUNCE_COMMIT, Op.WELCOME} and self.faults.broken_commits:
            self.faults.broken_commits -= 1
            payload = payload[:-8] + bytes(8)
        self.sequence += 1
        frame = struct.pack(">HB", self.sequence, op) + payload
        self.sent.append(Sent(self.sequence, frame))
        await self._send(frame)

    async def hang_up(self, code: int) -> None:
        """Close its socket."""
        if self.socket is not None and not self.socket.closed:
            self.closed_with = code
            await self.socket.close(code=code)

    async def replay(self, seq_ack: int) -> int:
        """Send again what came after ``seq_ack``. Returns how many messages that was."""
        missed = [sent for sent in self.sent if sent.sequence > seq_ack]
        for sent in missed:
            await self._send(sent.frame)
        return len(missed)

    def hear(self, packet: RtpPacket) -> None:
        if self.transport is not None:
            self.downlink.send(self.transport.seal(packet))

    def send_rtcp(self, body: bytes = bytes(20), packet_type: int = 201) -> None:
        """A receiver report as Discord sends it: an eight-byte header, the rest sealed."""
        assert self.transport is not None
        header = struct.pack(">BBHI", 0x81, packet_type, (len(body) + 8) // 4 - 1, self.ssrc)
        self.send_datagram(self.transport.seal_raw(header, body))

    def send_datagram(self, datagram: bytes) -> None:
        """Any bytes at all to this client, past the weather."""
        if self.address is not None:
            self.send_to(datagram, self.address)

    def receive_datagram(self, datagram: bytes) -> None:
        self.uplink.send(datagram)

    def receive_packet(self, datagram: bytes) -> None:
        """A datagram that made it through the uplink."""
        try:
            if self.transport is None:
                raise NotRtp("sent before op 4")
            packet = self.transport.open(datagram)
            if packet.ssrc != self.ssrc:
                raise NotRtp("not this client's SSRC")
            if not self.has_announced_itself:
                raise NotRtp("sent before op 5")
        except NotRtp as error:
            self.journal.record(PacketRefused(str(error), datagram))
            return
        self.journal.record(PacketReceived(self.user_id, packet.sequence, packet.timestamp, packet.payload))
        self.room.forward(self, packet)

    async def _send(self, frame: str | bytes) -> None:
        if self.socket is None or self.socket.closed:
            return
        try:
            if isinstance(frame, str):
                await self.socket.send_str(frame)
            else:
                await self.socket.send_bytes(frame)
        except ConnectionResetError:
            return  # lost with its line; a resume replays it
