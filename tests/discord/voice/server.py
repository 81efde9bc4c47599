"""One voice server: a gateway over TLS, and a UDP port."""

import asyncio
import socket
import struct
from typing import TYPE_CHECKING, Final

from aiohttp import web

from tests.discord.certificate import Certificate
from tests.discord.events import DiscoveryLost, PacketRefused
from tests.discord.voice.handshake import VoiceHandshake
from tests.discord.voice.session import Address, VoiceSession

if TYPE_CHECKING:
    from tests.discord.voice.regions import Regions

LOOPBACK: Final = "127.0.0.1"
CLOSE_SECONDS: Final = 0.5
"""How long a client may take to answer a close; nextcord never does."""
DISCOVERY_BYTES: Final = 74
KEEPALIVE_BYTES: Final = 8
RECEIVE_BUFFER_BYTES: Final = 1 << 21
"""Room for a burst of packets while the test's loop is busy; chance loses packets here, not haste."""


class VoiceServer:
    """Belongs to the simulator's loop."""

    def __init__(self, regions: "Regions", certificate: Certificate) -> None:
        self.regions = regions
        self.port = 0
        self.udp_port = 0
        self.heartbeat_seconds = 13.75
        self.by_ssrc: dict[int, VoiceSession] = {}
        self.by_address: dict[Address, VoiceSession] = {}
        self._certificate = certificate
        self._runner: web.AppRunner | None = None
        self._datagrams: asyncio.DatagramTransport | None = None

    async def start(self) -> None:
        application = web.Application(middlewares=[self.regions.journal.keep_failures])
        application.router.add_get("/", self._connect)
        self._runner = web.AppRunner(application, access_log=None, shutdown_timeout=0.1)
        await self._runner.setup()
        site = web.TCPSite(self._runner, LOOPBACK, 0, ssl_context=self._certificate.server_context())
        await site.start()
        self.port = self._runner.addresses[0][1]
        loop = asyncio.get_running_loop()
        self._datagrams, _ = await loop.create_datagram_endpoint(lambda: Datagrams(self), (LOOPBACK, 0))
        self.udp_port = self._datagrams.get_extra_info("sockname")[1]

    async def stop(self) -> None:
        if self._datagrams:
            self._datagrams.close()
        if self._runner:
            await self._runner.cleanup()

    def send(self, datagram: bytes, address: Address) -> None:
        if self._datagrams and not self._datagrams.is_closing():
            self._datagrams.sendto(datagram, address)

    def receive(self, datagram: bytes, address: Address) -> None:
        if len(datagram) == DISCOVERY_BYTES and datagram[:4] == struct.pack(">HH", 1, 70):
            self._discover(datagram, address)
        elif len(datagram) == KEEPALIVE_BYTES:
            self.send(datagram, address)
        elif session := self.by_address.get(address):
            session.receive_datagram(datagram)
        else:
            self.regions.journal.record(PacketRefused("from nobody known", datagram))

    def forget(self, session: VoiceSession) -> None:
        if self.by_ssrc.get(session.ssrc) is session:
            del self.by_ssrc[session.ssrc]
        if session.address and self.by_address.get(session.address) is session:
            del self.by_address[session.address]

    def _discover(self, datagram: bytes, address: Address) -> None:
        """IP discovery: tell a client its own address, and learn it."""
        faults = self.regions.faults
        ssrc = struct.unpack_from(">I", datagram, 4)[0]
        session = self.by_ssrc.get(ssrc)
        if session is None:
            self.regions.journal.record(PacketRefused("IP discovery of an unknown SSRC", datagram))
            return
        if faults.lost_discoveries > 0:
            faults.lost_discoveries -= 1
            self.regions.journal.record(DiscoveryLost(session.user_id))
            return
        if session.address:
            self.by_address.pop(session.address, None)
        session.address = address
        self.by_address[address] = session
        if faults.stray_before_discovery is not None:
            self.send(faults.stray_before_discovery, address)
        self.send(struct.pack(">HHI64sH", 2, 70, ssrc, address[0].encode(), address[1]), address)

    async def _connect(self, request: web.Request) -> web.WebSocketResponse:
        web_socket = web.WebSocketResponse(max_msg_size=1 << 20, timeout=CLOSE_SECONDS)
        await web_socket.prepare(request)
        await VoiceHandshake(self, self.regions, web_socket).listen()
        return web_socket


class Datagrams(asyncio.DatagramProtocol):
    def __init__(self, server: VoiceServer) -> None:
        self._server = server

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, RECEIVE_BUFFER_BYTES)

    def datagram_received(self, data: bytes, addr: Address) -> None:
        self._server.receive(data, addr)
