"""Her mouth, step by step; the clock is a number and the wire is a list."""

from itertools import pairwise

from bot.turns import Playable
from bot.voice.playback import FRAME_SECONDS, LONGEST_UNDERRUN_FRAMES, TRAILING_FRAMES, Player, Position, Speech
from bot.voice.rtp import SILENCE


def playable(index: int, frames: int) -> Playable:
    return Playable(index, tuple(b"%d.%d" % (index, number) for number in range(frames)), None)


class Room:
    """A wire that keeps what was sent, and a clock to step the player by."""

    def __init__(self) -> None:
        self.sent: list[bytes] = []
        self.skipped: list[int] = []
        self.times: list[float] = []
        self.ring: list[bool] = []
        self.over: list[str] = []
        self.is_open = True
        self.now = 10.0
        self.player = Player(self, lambda speech: self.over.append(speech.name))

    def is_ready(self) -> bool:
        return self.is_open

    def send(self, packet: bytes, skipped_frames: int) -> None:
        self.sent.append(packet)
        self.skipped.append(skipped_frames)
        self.times.append(self.now)

    def announce(self, is_speaking: bool) -> None:
        self.ring.append(is_speaking)

    def step(self, times: int = 1) -> float | None:
        """As a thread that always wakes when it asked to."""
        due: float | None = None
        for _ in range(times):
            due = self.player.step(self.now)
            self.now = max(self.now, due) if due is not None else self.now + FRAME_SECONDS
        return due

    def finished(self, *segments: int) -> Speech:
        speech = self.player.start("turn")
        for index, frames in enumerate(segments):
            speech.add(playable(index, frames))
        speech.finish()
        return speech


def steps_until_idle(room: Room) -> None:
    while not room.player.is_idle:
        room.step()


def test_segments_are_said_in_order_one_packet_each_20_ms_and_silence_after_the_last() -> None:
    room = Room()
    speech = room.finished(3, 2)
    steps_until_idle(room)
    assert room.sent == [b"0.0", b"0.1", b"0.2", b"1.0", b"1.1", *[SILENCE] * TRAILING_FRAMES]
    gaps = [round(after - before, 6) for before, after in pairwise(room.times)]
    assert gaps == [FRAME_SECONDS] * (len(room.times) - 1)
    assert room.ring == [True, False]
    assert room.over == ["turn"]
    assert speech.sent_ms == {0: 60, 1: 40}


def test_time_does_not_drift_when_each_step_comes_late() -> None:
    room = Room()
    room.finished(500)
    begun = room.now
    for _ in range(500):
        due = room.player.step(room.now)
        assert due is not None
        room.now = max(room.now, due) + 0.004  # as late as that, each time
        room.player.step(room.now)
    assert len([packet for packet in room.sent if packet != SILENCE]) >= 499
    assert abs(room.times[499] - begun - 499 * FRAME_SECONDS) < 0.010


def test_after_a_long_stall_time_is_lost_and_not_caught_up_in_a_burst() -> None:
    room = Room()
    room.finished(20)
    room.step(5)
    room.now += 1.0
    room.step(5)
    late = room.times[room.sent.index(b"0.5") :]
    assert all(after - before > 0.019 for before, after in pairwise(late))


def test_a_segment_that_comes_late_is_waited_for_in_silence() -> None:
    room = Room()
    speech = room.player.start("turn")
    speech.add(playable(0, 2))
    room.step(2 + 30)
    speech.add(playable(1, 2))
    speech.finish()
    steps_until_idle(room)
    silent = room.sent.count(SILENCE) - TRAILING_FRAMES
    assert room.sent[: 2 + silent + 2] == [b"0.0", b"0.1", *[SILENCE] * silent, b"1.0", b"1.1"]
    assert silent >= 28
    assert room.ring == [True, False]
    assert speech.underruns == 1
    assert speech.sent_ms == {0: 40, 1: 40}


def test_a_segment_that_never_comes_is_not_waited_for_for_ever() -> None:
    room = Room()
    room.player.start("turn").add(playable(0, 1))
    room.step(LONGEST_UNDERRUN_FRAMES + 50)
    assert room.sent.count(SILENCE) == LONGEST_UNDERRUN_FRAMES + TRAILING_FRAMES
    assert room.ring == [True, False]


def test_before_the_first_word_nothing_is_sent() -> None:
    room = Room()
    room.player.start("turn")
    room.step(20)
    assert (room.sent, room.ring) == ([], [])


def test_she_pauses_at_the_next_frame_and_goes_on_at_the_same_place() -> None:
    room = Room()
    speech = room.finished(10)
    room.step(4)
    said = room.sent.copy()
    assert room.player.pause() == Position(0, len(said) * 20)
    room.step(20)
    assert room.sent == [*said, *[SILENCE] * TRAILING_FRAMES]
    assert room.ring == [True, False]
    assert room.player.is_idle
    room.now += 3.0
    room.player.resume()
    steps_until_idle(room)
    words = [packet for packet in room.sent if packet != SILENCE]
    assert words == [b"0.%d" % number for number in range(10)]
    assert room.ring == [True, False, True, False]
    assert speech.sent_ms == {0: 200}


def test_the_listeners_clock_goes_on_while_nothing_is_sent() -> None:
    room = Room()
    room.finished(10)
    room.step(4)
    room.player.pause()
    steps_until_idle(room)
    room.now += 2.0
    room.player.resume()
    room.step(2)
    assert max(room.skipped) >= 100
    assert room.skipped.count(0) == len(room.skipped) - 1


def test_stopped_she_says_no_more_and_it_is_known_how_much_was_said() -> None:
    room = Room()
    speech = room.finished(3, 50, 50)
    while speech.position.index == 0:
        room.step()
    assert room.player.stop() is speech
    said = speech.sent_ms
    steps_until_idle(room)
    assert room.sent[-TRAILING_FRAMES:] == [SILENCE] * TRAILING_FRAMES
    assert speech.sent_ms == said
    assert said == {0: 60, 1: 20, 2: 0}
    assert room.over == ["turn"]
    assert room.player.stop() is None


def test_a_new_reply_ends_the_one_before() -> None:
    room = Room()
    room.finished(50)
    room.step(3)
    room.player.start("next").add(playable(0, 2))
    room.step(4)
    assert room.over == ["turn"]
    assert room.sent[-1] in {b"0.1", SILENCE}
    assert room.player.speech is not None
    assert room.player.speech.name == "next"


def test_while_the_connection_is_away_no_word_is_lost() -> None:
    room = Room()
    speech = room.finished(6)
    room.step(2)
    said = len(room.sent)
    room.is_open = False
    room.step(50)
    assert len(room.sent) == said
    room.is_open = True
    steps_until_idle(room)
    assert [packet for packet in room.sent if packet != SILENCE] == [b"0.%d" % number for number in range(6)]
    assert speech.sent_ms == {0: 120}


def test_a_reply_without_any_sound_ends_at_once() -> None:
    room = Room()
    speech = room.player.start("turn")
    speech.add(Playable(0, (), None))
    speech.finish()
    steps_until_idle(room)
    assert (room.sent, room.ring, room.over, speech.sent_ms) == ([], [], ["turn"], {0: 0})


def test_clearing_her_throat_is_a_few_frames_of_silence() -> None:
    room = Room()
    room.player.clear_throat()
    steps_until_idle(room)
    assert room.sent == [SILENCE] * TRAILING_FRAMES
    assert room.ring == [True, False]
