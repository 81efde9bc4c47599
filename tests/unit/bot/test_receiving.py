"""The receiving thread, over loopback UDP."""

import asyncio
import errno
import selectors
import socket
import threading
import time
from collections.abc import AsyncIterator
from typing import cast

import pytest
import pytest_asyncio

from bot.voice.discovery import udp_to
from bot.voice.receive import Heard, Left, Receiver, Silence, Sound
from bot.voice.receiving import ReceiveThread, Rest
from bot.voice.rtp import SILENCE, Drop
from bot.voice.transport import XCHACHA, Transport
from tests.fakes.voice_packets import KEY, Wire, spoken

ASHA = 1001


class WeakSocket:
    """A socket that has its troubles before it receives anything."""

    def __init__(self, udp: socket.socket, troubles: list[OSError]) -> None:
        self._udp = udp
        self.troubles = troubles

    def fileno(self) -> int:
        return self._udp.fileno()

    def recv(self, most: int) -> bytes:
        if self.troubles:
            raise self.troubles.pop()
        return self._udp.recv(most)

    def send(self, packet: bytes) -> int:
        return self._udp.send(packet)


class Line:
    """A server's socket, ours, the thread that listens there, and what it hands over."""

    def __init__(self, server: socket.socket, udp: socket.socket) -> None:
        self.server = server
        self.udp = udp
        self.receiver = Receiver(Transport(XCHACHA, KEY), lambda _user_id: True)
        self.heard: asyncio.Queue[Heard] = asyncio.Queue()
        self.lost_steps = 0
        self.died = asyncio.Event()
        self._loop = asyncio.get_running_loop()
        self._round_ended = asyncio.Event()
        self.later_seconds = 0.0
        """By how much the thread's clock goes before ours."""

        self.thread = ReceiveThread(
            udp,
            self.receiver,
            deliver=self.deliver,
            lost_step=self._lost_step,
            died=self._died,
            rest=self._end_of_round,
            clock=lambda: time.monotonic() + self.later_seconds,
        )

    def _end_of_round(self) -> Rest:
        self._loop.call_soon_threadsafe(self._round_ended.set)
        return Rest.SHORT

    def deliver(self, heard: list[Heard]) -> None:
        assert threading.current_thread() is not threading.main_thread()
        for piece in heard:
            self._loop.call_soon_threadsafe(self.heard.put_nowait, piece)

    def _died(self) -> None:
        self._loop.call_soon_threadsafe(self.died.set)

    def _lost_step(self) -> None:
        self.lost_steps += 1

    async def passes(self, seconds: float) -> None:
        """So much time passes for the thread, and it has looked at its clock since then."""
        self.later_seconds += seconds
        for _ in range(3):  # one may have ended before, another have looked at the clock before
            self._round_ended.clear()
            self.thread.post(lambda _receiver: None)
            async with asyncio.timeout(10):
                await self._round_ended.wait()

    def datagram(self) -> bytes | None:
        """The next that came to the server, if one is there."""
        try:
            return self.server.recv(2048)
        except BlockingIOError:
            return None

    def send(self, packets: list[bytes]) -> None:
        for packet in packets:
            self.server.sendto(packet, self.udp.getsockname())

    async def sound(self, frames: int) -> bytes:
        sound = b""
        async with asyncio.timeout(10):
            while len(sound) < frames * 640:
                piece = await self.heard.get()
                if isinstance(piece, Sound):
                    sound += piece.pcm
        return sound


@pytest_asyncio.fixture
async def line() -> AsyncIterator[Line]:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as server:
        server.bind(("127.0.0.1", 0))
        server.setblocking(False)
        udp = await udp_to(*server.getsockname())
        line = Line(server, udp)
        yield line
        line.thread.stop()
        udp.close()


async def test_packets_from_the_socket_are_heard_on_the_loop_and_the_end_is_told(line: Line) -> None:
    line.receiver.name(7, ASHA, 0.0)
    line.thread.start()
    line.send(Wire(7).packets([*spoken(0.4), SILENCE]))
    assert len(await line.sound(21)) == 21 * 640
    async with asyncio.timeout(10):
        assert isinstance(await line.heard.get(), Silence)
        line.thread.stop()
        while not isinstance(piece := await line.heard.get(), Left):
            assert isinstance(piece, Silence)


async def test_an_order_is_obeyed_before_the_packets_that_came_after_it(line: Line) -> None:
    line.thread.start()
    packets = Wire(7).packets(spoken(0.4))
    line.send(packets[:10])
    line.thread.post(lambda receiver: receiver.name(7, ASHA, 0.0) or None)
    line.send(packets[10:])
    await line.sound(20)


async def test_a_packet_that_breaks_something_does_not_deafen_her(line: Line, monkeypatch: pytest.MonkeyPatch) -> None:
    line.receiver.name(7, ASHA, 0.0)
    hear = line.receiver.datagram

    def break_on_poison(packet: bytes, now: float) -> list[Heard]:
        if packet == b"poison":
            raise ZeroDivisionError
        return hear(packet, now)

    monkeypatch.setattr(line.receiver, "datagram", break_on_poison)
    line.thread.start()
    line.send([b"poison", *Wire(7).packets(spoken(0.2))])
    await line.sound(10)
    assert line.receiver.dropped[Drop.MALFORMED] == 1


async def test_an_order_that_breaks_does_not_deafen_her(line: Line) -> None:
    def broken(_receiver: Receiver) -> list[Heard]:
        raise ZeroDivisionError

    line.receiver.name(7, ASHA, 0.0)
    line.thread.start()
    line.thread.post(broken)
    line.send(Wire(7).packets(spoken(0.2)))
    await line.sound(10)
    assert line.receiver.dropped[Drop.MALFORMED] == 1


async def test_a_network_that_is_down_for_a_moment_does_not_deafen_her(
    line: Line, monkeypatch: pytest.MonkeyPatch
) -> None:
    line.receiver.name(7, ASHA, 0.0)
    weak = WeakSocket(line.udp, [OSError(errno.EHOSTUNREACH, "no way there")])
    monkeypatch.setattr(line.thread, "_udp", weak)
    line.thread.start()
    line.send(Wire(7).packets(spoken(0.2)))
    await line.sound(10)
    assert not weak.troubles


async def test_it_is_told_when_nothing_can_be_heard_any_more(line: Line, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(line.thread, "_udp", WeakSocket(line.udp, [OSError(errno.EBADF, "gone")]))
    line.thread.start()
    line.send(Wire(7).packets(spoken(0.2)))
    async with asyncio.timeout(10):
        await line.died.wait()


async def test_the_way_is_kept_open_from_the_first_moment(line: Line) -> None:
    line.thread.start()
    async with asyncio.timeout(10):
        datagram, sender = await asyncio.get_running_loop().sock_recvfrom(line.server, 2048)
    assert (datagram, sender) == ((1).to_bytes(8, "little"), line.udp.getsockname())


async def test_the_way_is_kept_open_every_five_seconds(line: Line) -> None:
    """Home routers forget a silent path after 30 s, and Discord a silent client sooner."""
    line.thread.start()
    sent: list[bytes | None] = []
    for seconds in (0.0, 4.0, 1.1, 3.0, 2.1, 5.1):
        await line.passes(seconds)
        sent.append(line.datagram())
    assert sent == [number and number.to_bytes(8, "little") for number in (1, None, 2, None, 3, 4)]


async def test_a_closed_socket_ends_the_thread_and_stopping_twice_is_nothing(line: Line) -> None:
    line.thread.start()
    line.thread.stop()
    line.thread.stop()
    line.thread.post(lambda receiver: receiver.leave_all())
    assert not [thread for thread in threading.enumerate() if thread.name == "voice-receive"]


class TimedThread(ReceiveThread):
    """Tells how long it let packets gather."""

    def _let_gather(self, woken: selectors.BaseSelector, seconds: float) -> None:
        self.rests.append(seconds)
        if seconds > 0:
            self.loop.call_soon_threadsafe(self.has_rested.set)
        super()._let_gather(woken, seconds)

    def start(self) -> None:
        self.rests: list[float] = []
        self.has_rested = asyncio.Event()
        self.loop = asyncio.get_running_loop()
        super().start()


def timed_thread(line: Line, rest: Rest) -> TimedThread:
    """In place of the line's own, started."""
    line.thread.stop()
    timed = TimedThread(line.udp, line.receiver, deliver=line.deliver, lost_step=lambda: None, rest=lambda: rest)
    line.thread = timed
    timed.start()
    return timed


@pytest.mark.parametrize("rest", Rest)
async def test_packets_gather_longer_while_nothing_will_be_decided(line: Line, rest: Rest) -> None:
    line.receiver.name(7, ASHA, 0.0)
    timed = timed_thread(line, rest)
    for packet in Wire(7).packets(spoken(0.2)):
        line.send([packet])
        await line.sound(1)
    assert rest - Rest.SHORT / 2 < max(timed.rests) <= rest


async def test_packets_of_people_whom_nobody_hears_gather_whatever_is_expected(line: Line) -> None:
    timed = timed_thread(line, Rest.NONE)
    line.send(Wire(7).packets(spoken(0.02)))
    async with asyncio.timeout(10):
        await timed.has_rested.wait()
    assert max(timed.rests) <= Rest.SHORT


@pytest.fixture
def sleepy(line: Line) -> Line:
    """Whose thread rests for an hour behind each look."""
    line.receiver.name(7, ASHA, 0.0)
    line.thread.stop()
    line.thread = ReceiveThread(
        line.udp, line.receiver, deliver=line.deliver, lost_step=lambda: None, rest=lambda: cast("Rest", 3600.0)
    )
    line.thread.start()
    return line


async def test_an_order_and_the_end_are_not_kept_waiting_by_a_rest(sleepy: Line) -> None:
    sleepy.send(Wire(7).packets(spoken(0.02)))
    await sleepy.sound(1)
    obeyed = threading.Event()

    def order(_: Receiver) -> None:
        obeyed.set()

    sleepy.thread.post(order)
    assert await asyncio.to_thread(obeyed.wait, 10)
    async with asyncio.timeout(10):
        await asyncio.to_thread(sleepy.thread.stop)


async def test_a_missing_packet_is_given_up_in_time_whatever_the_rest(sleepy: Line) -> None:
    first, _, third = Wire(7).packets(spoken(0.06))
    sleepy.send([first, third])
    await sleepy.sound(3)
