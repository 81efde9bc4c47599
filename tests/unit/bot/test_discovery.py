"""IP discovery over loopback UDP, with answers that are lost, wrong, or somebody else's."""

import asyncio
import socket
import struct
from collections.abc import Iterator

import pytest

from bot.voice.discovery import Address, NoDiscovery, discover, question, read_answer, udp_to


def answer(kind: int = 2, length: int = 70, ip: bytes = b"203.0.113.9", port: int = 5000) -> bytes:
    return struct.pack(">HHI64sH", kind, length, 77, ip, port)


@pytest.fixture
def server() -> Iterator[socket.socket]:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as udp:
        udp.bind(("127.0.0.1", 0))
        udp.setblocking(False)
        yield udp


@pytest.mark.parametrize(
    "datagram",
    [
        b"",
        answer()[:-1],
        answer() + b"x",
        answer(kind=1),
        answer(length=71),
        answer(port=0),
        answer(ip=b""),
        answer(ip=b"not an address"),
        answer(ip=b"\xff\xfe"),
        bytes(74),
    ],
)
def test_what_is_no_answer_is_none(datagram: bytes) -> None:
    assert read_answer(datagram) is None


def test_an_answer_is_an_address() -> None:
    assert read_answer(answer()) == Address("203.0.113.9", 5000)
    assert read_answer(answer(ip=b"2001:db8::1")) == Address("2001:db8::1", 5000)


async def test_questions_are_asked_until_one_is_answered(server: socket.socket) -> None:
    udp = await udp_to(*server.getsockname())
    loop = asyncio.get_running_loop()
    asking = asyncio.create_task(discover(udp, 77, [0.01, 0.01, 5.0]))
    for _ in range(3):
        asked, asker = await loop.sock_recvfrom(server, 2048)
        assert asked == question(77)
    await loop.sock_sendto(server, answer(kind=1), asker)
    await loop.sock_sendto(server, answer(), asker)
    assert await asking == Address("203.0.113.9", 5000)
    udp.close()


async def test_nobody_else_can_answer(server: socket.socket) -> None:
    udp = await udp_to(*server.getsockname())
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as stranger:
        stranger.sendto(answer(ip=b"198.51.100.1"), udp.getsockname())
        with pytest.raises(NoDiscovery):
            await discover(udp, 77, [0.05])
    udp.close()


async def test_a_server_that_is_not_there_is_no_crash() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as gone:
        gone.bind(("127.0.0.1", 0))
        where = gone.getsockname()
    udp = await udp_to(*where)
    with pytest.raises(NoDiscovery):
        await discover(udp, 77, [0.01, 0.01])
    udp.close()
