"""Ask the voice server under which address it sees us: UDP loses things, so ask again; anyone may write, so look well.

https://discord.com/developers/docs/topics/voice-connections#ip-discovery
"""

import asyncio
import ipaddress
import socket
import struct
from collections.abc import Sequence
from typing import Final, NamedTuple

ASK_AFTER_SECONDS: Final = (0.25, 0.5, 1.0, 2.0, 2.0)
"""How long each question waits for its answer."""
BUFFER_BYTES: Final = 1 << 20
"""For what comes while the receiving thread rests: 25 people's 0.12 s are 150 packets, and each may count as
2.3 kB. Linux gives what it may (net.core.rmem_max), twice its default."""

_REQUEST, _RESPONSE = 1, 2
_BODY_BYTES: Final = 70
_MESSAGE: Final = struct.Struct(">HHI64sH")


class NoDiscovery(Exception):
    """The voice server answered none of our questions: UDP does not get through."""


class Address(NamedTuple):
    """Where the voice server sees us."""

    ip: str
    port: int


def question(ssrc: int) -> bytes:
    return _MESSAGE.pack(_REQUEST, _BODY_BYTES, ssrc, b"", 0)


def read_answer(datagram: bytes) -> Address | None:
    """None: it is something else, or no address."""
    if len(datagram) != _MESSAGE.size:
        return None
    kind, length, _, name, port = _MESSAGE.unpack(datagram)
    if kind != _RESPONSE or length != _BODY_BYTES or not port:
        return None
    try:
        return Address(str(ipaddress.ip_address(name.split(b"\0", 1)[0].decode("ascii"))), port)
    except ValueError:
        return None


async def udp_to(ip: str, port: int) -> socket.socket:
    """A socket that can hear nobody but the voice server: the kernel drops what others send. Raises OSError."""
    family = socket.AF_INET6 if ":" in ip else socket.AF_INET
    udp = socket.socket(family, socket.SOCK_DGRAM)
    try:
        udp.setblocking(False)
        udp.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, BUFFER_BYTES)
        await asyncio.get_running_loop().sock_connect(udp, (ip, port))
    except BaseException:
        udp.close()
        raise
    return udp


async def discover(udp: socket.socket, ssrc: int, waits: Sequence[float] = ASK_AFTER_SECONDS) -> Address:
    """Our address, over a connected socket. Raises NoDiscovery."""
    loop = asyncio.get_running_loop()
    for wait_seconds in waits:
        try:
            async with asyncio.timeout(wait_seconds):
                await loop.sock_sendall(udp, question(ssrc))
                while (address := read_answer(await loop.sock_recv(udp, 2048))) is None:
                    pass
        except TimeoutError:
            continue
        except OSError:
            await asyncio.sleep(wait_seconds)  # nobody listens there yet
            continue
        return address
    raise NoDiscovery(f"the voice server answered none of {len(waits)} questions over UDP")
