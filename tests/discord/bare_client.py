"""The least that can join a call: one web socket, one UDP socket, no library's opinions. For the protocol's corners."""

import asyncio
import json
import struct
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any, Self

import aiohttp

from tests.discord.channel import Channel
from tests.discord.home import Home
from tests.discord.journal import PATIENCE_SECONDS
from tests.discord.member import VoiceState
from tests.discord.simulator import DiscordSimulator
from tests.discord.voice.ops import Op
from tests.discord.voice.rtp import RtpPacket
from tests.discord.voice.transport import XCHACHA20, Transport


class Datagrams(asyncio.DatagramProtocol):
    def __init__(self) -> None:
        self.received: asyncio.Queue[bytes] = asyncio.Queue()

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        self.received.put_nowait(data)


@dataclass
class BareClient:
    """Sits in the bot's place. ``async with BareClient(discord, home, channel) as client``."""

    discord: DiscordSimulator
    home: Home
    channel: Channel
    mode: str = XCHACHA20
    messages: list[dict[str, Any]] = field(default_factory=list)
    """Every JSON message that was read."""
    datagrams: Datagrams = field(default_factory=Datagrams)
    transport: Transport = field(init=False)
    ssrc: int = 0
    _open: list[aiohttp.ClientSession] = field(default_factory=list)

    async def __aenter__(self) -> Self:
        state = VoiceState(self.channel.id, "bare session")
        await self.discord.voice_states.enter(self.home.guild, self.home.bot, state)
        return self

    async def __aexit__(self, *_error: object) -> None:
        for session in self._open:
            await session.close()
        self._hang_up()

    async def open(self) -> None:
        """A web socket to the voice server; reads its hello."""
        session = aiohttp.ClientSession()
        self._open.append(session)
        ticket = await self.discord.voice.ticket(self.home.id)
        self.token = ticket.token
        context = aiohttp.connector._SSL_CONTEXT_VERIFIED
        self.discord.trust(context)
        self.socket = await session.ws_connect(f"wss://{ticket.endpoint}/?v=8", ssl=context)
        await self.read(Op.HELLO)

    async def send(self, op: int, data: Any) -> None:
        await self.socket.send_str(json.dumps({"op": op, "d": data}))

    async def read(self, op: int) -> dict[str, Any]:
        """The next message with that number; those before it are kept in ``messages``."""
        async with asyncio.timeout(PATIENCE_SECONDS):
            while True:
                message = await self.socket.receive()
                if message.type is aiohttp.WSMsgType.BINARY:
                    sequence, number = struct.unpack_from(">HB", message.data)
                    payload = {"op": number, "seq": sequence, "d": message.data[3:]}
                else:
                    assert message.type is aiohttp.WSMsgType.TEXT, f"closed with {self.socket.close_code}"
                    payload = json.loads(message.data)
                self.messages.append(payload)
                if payload["op"] == op:
                    return payload

    async def close_code(self) -> int | None:
        """Read on until the server closes."""
        async with asyncio.timeout(PATIENCE_SECONDS):
            async for _ in self.socket:
                pass
        return self.socket.close_code

    async def identify(self, **wrong: str) -> None:
        bot = str(self.discord.world.bot.id)
        whose = {"server_id": str(self.home.id), "user_id": bot, "session_id": "bare session", "token": self.token}
        await self.send(Op.IDENTIFY, whose | {"max_dave_protocol_version": 0} | wrong)

    async def resume(self, seq_ack: int) -> None:
        whose = {"server_id": str(self.home.id), "session_id": "bare session", "token": self.token}
        await self.send(Op.RESUME, whose | {"seq_ack": seq_ack})

    async def connect(self) -> None:
        """All the way to op 5: able to speak and to listen, without DAVE."""
        await self.open()
        await self.identify()
        ready = (await self.read(Op.READY))["d"]
        assert self.mode in ready["modes"]
        self.ssrc = ready["ssrc"]
        loop = asyncio.get_running_loop()
        where = (ready["ip"], ready["port"])
        self._hang_up()
        self._udp, _ = await loop.create_datagram_endpoint(lambda: self.datagrams, remote_addr=where)
        self._udp.sendto(struct.pack(">HHI66x", 1, 70, self.ssrc))
        found = await self.received()
        address, port = found[8:72].rstrip(b"\0").decode(), struct.unpack_from(">H", found, 72)[0]
        data = {"address": address, "port": port, "mode": self.mode}
        await self.send(Op.SELECT_PROTOCOL, {"protocol": "udp", "data": data})
        key = bytes((await self.read(Op.SESSION_DESCRIPTION))["d"]["secret_key"])
        self.transport = Transport(self.mode, key)
        await self.send(Op.SPEAKING, {"speaking": 0, "delay": 0, "ssrc": self.ssrc})

    def say(self, sequence: int, opus: bytes) -> None:
        self.send_datagram(self.transport.seal(RtpPacket(sequence, sequence * 960, self.ssrc, opus)))

    def send_datagram(self, datagram: bytes) -> None:
        self._udp.sendto(datagram)

    async def received(self) -> bytes:
        """The next datagram."""
        return await asyncio.wait_for(self.datagrams.received.get(), PATIENCE_SECONDS)

    async def heard(self) -> RtpPacket:
        """The next datagram, opened. Raises NotRtp."""
        return self.transport.open(await self.received())

    def _hang_up(self) -> None:
        with suppress(AttributeError):
            self._udp.close()
