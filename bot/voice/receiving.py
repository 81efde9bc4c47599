"""The thread that hears one connection: it owns the Receiver, waits at the socket, keeps the way through NATs open."""

import contextlib
import errno
import selectors
import socket
import threading
import time
from collections import deque
from collections.abc import Callable
from enum import Enum
from functools import partial
from typing import Final

from loguru import logger

from bot.voice.receive import Heard, Receiver
from bot.voice.rtp import LONGEST_BYTES, Drop

KEEP_ALIVE_SECONDS: Final = 5.0
"""As Discord's own client and discord.js do: home routers forget a silent UDP path after 30 s."""
MOST_AT_ONCE: Final = 256
"""Packets read before what they hold is handed over."""

_PASSING: Final = frozenset(
    {errno.ECONNREFUSED, errno.EHOSTUNREACH, errno.ENETUNREACH, errno.ENETDOWN, errno.EHOSTDOWN, errno.EINTR}
)
"""Nobody listens there, or there is no way to them, at this moment: told once each time a packet is sent."""


class Rest(float, Enum):
    """Seconds between two looks at the socket. What a packet costs is the waking: cold caches make it six times as
    dear."""

    NONE = 0.0
    """Somebody may be beginning: she is to be silent as soon as that is sure."""
    SHORT = 0.040
    """Packets are read in pairs: nobody downstream thinks in less than 32 ms. So are those of people whom nobody hears,
    who may speak for hours."""
    LONG = 0.120
    """All who speak are in the middle of it. A pause is noticed 14 ms later than with short rests, in the mean,
    and hearing one person alone takes a quarter less of a core than with 80 ms."""


type Order = Callable[[Receiver], list[Heard] | None]


class ReceiveThread:
    """Reads ``udp`` (connected, non-blocking; the caller closes it after ``stop``) until it is stopped.

    ``deliver``, ``lost_step``, ``died`` (it ended without being stopped) and ``rest`` (how long packets may gather)
    are called on this thread; ``post`` and ``stop`` may be called from any.
    """

    def __init__(
        self,
        udp: socket.socket,
        receiver: Receiver,
        *,
        deliver: Callable[[list[Heard]], None],
        lost_step: Callable[[], None],
        died: Callable[[], None] = lambda: None,
        rest: Callable[[], Rest] = lambda: Rest.SHORT,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.receiver: Final = receiver
        self._udp = udp
        self._deliver = deliver
        self._lost_step = lost_step
        self._died = died
        self._may_gather_for = rest
        self._clock = clock
        self._orders: deque[Order] = deque()
        self._is_stopping = False
        self._kept_alive = 0
        self._packets = 0
        """Read so far."""
        self._woken, self._waker = socket.socketpair()
        self._woken.setblocking(False)
        self._waker.setblocking(False)
        self._thread = threading.Thread(target=self._run, name="voice-receive", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def post(self, order: Order) -> None:
        """Do this to the receiver, before the next packet is read."""
        self._orders.append(order)
        self._wake()

    def stop(self) -> None:
        """End it; returns when it has ended (at most the time of a batch of packets)."""
        self._is_stopping = True
        self._wake()
        if threading.current_thread() is not self._thread and self._thread.ident is not None:
            self._thread.join()
        self._woken.close()
        self._waker.close()

    def _wake(self) -> None:
        with contextlib.suppress(OSError):  # full: it is awake; closed: it has ended
            self._waker.send(b"\0")

    def _run(self) -> None:
        try:
            self._listen()
        except Exception:  # noqa: BLE001 - nobody else would notice that she is deaf
            logger.opt(exception=True).error("Nothing can be heard any more")
            self._died()
        self._hand_over(self.receiver.leave_all())

    def _listen(self) -> None:
        """Until it is stopped. Raises OSError when the socket is gone."""
        next_look = next_keep_alive = self._clock()
        with selectors.DefaultSelector() as waiting, selectors.DefaultSelector() as resting:
            resting.register(self._woken, selectors.EVENT_READ)
            waiting.register(self._udp, selectors.EVENT_READ)
            waiting.register(self._woken, selectors.EVENT_READ)
            while not self._is_stopping:
                due = self.receiver.due_at
                until = next_keep_alive if due is None else min(due, next_keep_alive)
                self._let_gather(resting, min(next_look, until) - self._clock())
                ready = waiting.select(max(until - self._clock(), 0))
                if any(key.fileobj is self._woken for key, _ in ready):
                    self._woken.recv(4096)
                looked_at, packets_before = self._clock(), self._packets
                heard = self._obey()
                heard += self._read()
                now = self._clock()
                if due is not None and now >= due:
                    heard += self._attempt(partial(self.receiver.tick, now))
                if now >= next_keep_alive:
                    next_keep_alive = now + KEEP_ALIVE_SECONDS
                    self._keep_alive()
                self._hand_over(heard)
                is_for_nothing = self._packets > packets_before and not heard
                rest = self._may_gather_for()
                next_look = looked_at + (max(rest, Rest.SHORT) if is_for_nothing else rest)

    def _let_gather(self, woken: selectors.BaseSelector, seconds: float) -> None:
        """Let packets gather; an order or the end is not kept waiting."""
        if seconds > 0 and not self._orders and not self._is_stopping:
            woken.select(seconds)

    def _obey(self) -> list[Heard]:
        heard: list[Heard] = []
        while self._orders:
            heard += self._attempt(partial(self._orders.popleft(), self.receiver))
        return heard

    def _read(self) -> list[Heard]:
        heard: list[Heard] = []
        for _ in range(MOST_AT_ONCE):
            try:
                packet = self._udp.recv(LONGEST_BYTES + 1)
                self._packets += 1
            except BlockingIOError:
                break
            except OSError as error:
                if error.errno not in _PASSING:
                    raise
                continue
            heard += self._attempt(partial(self.receiver.datagram, packet, self._clock()))
        return heard

    def _attempt(self, work: Callable[[], list[Heard] | None]) -> list[Heard]:
        """Whatever one packet or order does, the next speaker must be heard."""
        try:
            return work() or []
        except Exception:  # noqa: BLE001
            self.receiver.dropped[Drop.MALFORMED] += 1
            logger.opt(exception=True).error("A voice packet could not be heard")
            return []

    def _hand_over(self, heard: list[Heard]) -> None:
        if heard:
            self._deliver(heard)
        if self.receiver.sealed_speech.has_lost_step():
            self._lost_step()

    def _keep_alive(self) -> None:
        self._kept_alive += 1
        with contextlib.suppress(OSError):  # the next one is five seconds away
            self._udp.send(self._kept_alive.to_bytes(8, "little"))
