"""The thread that keeps her mouth in time: one packet every 20 ms, whatever the event loop is doing."""

import threading
import time
from collections.abc import Callable
from typing import Final

from loguru import logger

from bot.voice.playback import FRAME_SECONDS, Player


class SendThread:
    """Steps a player until it is stopped."""

    def __init__(self, player: Player, clock: Callable[[], float] = time.monotonic) -> None:
        self._player: Final = player
        self._clock = clock
        self._is_stopping = False
        self._thread = threading.Thread(target=self._run, name="voice-send", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        """End it; returns when it has ended."""
        with self._player.changed:
            self._is_stopping = True
            self._player.changed.notify()
        if threading.current_thread() is not self._thread and self._thread.ident is not None:
            self._thread.join()

    def _run(self) -> None:
        changed = self._player.changed
        while True:
            with changed:
                if self._is_stopping:
                    break
            try:
                due = self._player.step(self._clock())
            except Exception:  # noqa: BLE001 - one packet is lost; the rest of the reply is not
                logger.opt(exception=True).error("A packet could not be sent")
                due = self._clock() + FRAME_SECONDS
            with changed:
                if not self._is_stopping:
                    self._wait(due)
        self._player.step(self._clock())  # who waits to be told that a speech is over is told

    def _wait(self, due: float | None) -> None:
        """Until then, or until something changed."""
        if due is None:
            if self._player.is_idle:  # else something changed since the step, when nobody was waiting
                self._player.changed.wait()
        elif (left := due - self._clock()) > 0:
            self._player.changed.wait(left)
