"""The sending thread, with a real clock."""

import threading

from bot.turns import Playable
from bot.voice.playback import Player, Speech
from bot.voice.rtp import SILENCE
from bot.voice.sending import SendThread

PATIENCE_SECONDS = 10.0


class Wire:
    """Keeps what is sent; fails when it is told to."""

    def __init__(self) -> None:
        self.sent: list[bytes] = []
        self.over = threading.Event()
        self.quiet = threading.Event()
        self.fails_once = False

    def is_ready(self) -> bool:
        return True

    def send(self, packet: bytes, skipped_frames: int) -> None:
        if self.fails_once:
            self.fails_once = False
            raise ZeroDivisionError
        self.sent.append(packet)

    def announce(self, is_speaking: bool) -> None:
        if not is_speaking:
            self.quiet.set()

    def ended(self, _speech: Speech) -> None:
        self.over.set()


def test_a_reply_is_said_to_its_end_and_the_thread_rests() -> None:
    wire = Wire()
    player = Player(wire, wire.ended)
    thread = SendThread(player)
    thread.start()
    for _ in range(2):
        wire.over.clear()
        wire.quiet.clear()
        wire.sent.clear()
        speech = player.start("turn")
        speech.add(Playable(0, (b"a", b"b", b"c"), None))
        speech.finish()
        assert wire.over.wait(PATIENCE_SECONDS)
        assert wire.quiet.wait(PATIENCE_SECONDS)
        assert wire.sent == [b"a", b"b", b"c", *[SILENCE] * 5]
    thread.stop()


def test_a_packet_that_can_not_be_sent_costs_only_itself() -> None:
    wire = Wire()
    wire.fails_once = True
    player = Player(wire, wire.ended)
    thread = SendThread(player)
    thread.start()
    speech = player.start("turn")
    speech.add(Playable(0, (b"a", b"b"), None))
    speech.finish()
    assert wire.quiet.wait(PATIENCE_SECONDS)
    assert wire.sent[0] == b"b"
    thread.stop()


def test_who_waits_for_the_end_of_a_reply_is_told_when_the_thread_is_stopped() -> None:
    wire = Wire()
    player = Player(wire, wire.ended)
    thread = SendThread(player)
    thread.start()
    player.start("turn").add(Playable(0, (b"a",) * 500, None))
    player.stop()
    thread.stop()
    thread.stop()
    assert wire.over.is_set()
