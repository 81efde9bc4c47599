import pytest

from bot.local.report import REASONS, TurnReport, covered_seconds
from bot.turns import Happening, Playable
from tasks.messages import Heard, ReplyEnded, Sentence, Turn, TurnDropped, Words, Work

TURN = Turn("t1", "replies:1", "c1", "u1", "Asha", deadline=1e12)


def work(engine: str, begin: float, end: float) -> Work:
    return Work(engine, "host-1", begin, begin, begin, end)


@pytest.mark.parametrize(
    ("intervals", "expected"),
    [
        ([], 0.0),
        ([(1.0, 3.0)], 2.0),
        ([(1.0, 3.0), (2.0, 4.0)], 3.0),
        ([(-5.0, 1.0), (9.0, 20.0)], 2.0),
        ([(1.0, 8.0), (2.0, 3.0)], 7.0),
        ([(11.0, 12.0)], 0.0),
    ],
)
def test_time_is_covered_once(intervals: list[tuple[float, float]], expected: float) -> None:
    assert covered_seconds(intervals, 0.0, 10.0) == pytest.approx(expected)


class Clock:
    seconds = 100.0

    def __call__(self) -> float:
        return self.seconds


def spoken_turn() -> TurnReport:
    clock = Clock()
    report = TurnReport("t1", speech_ended_at=100.0, chosen_silence_seconds=0.2, clock=clock)
    clock.seconds = 100.22
    report.mark("endpoint")
    happenings: list[tuple[float, Happening]] = [
        (100.31, Heard(TURN, "hi", "en", 0.9, work("ear", 100.1, 100.3))),
        (100.45, Words(TURN, "Arre", 0, 100.44)),
        (100.52, Sentence(TURN, 0, "Arre yaar,", "en", 100.51)),
        (100.56, Playable(0, (b"x", b"y"), work("mouth", 100.515, 100.55))),
        (100.8, ReplyEnded(TURN, 1, "Arre yaar,", work("mind", 100.31, 100.79))),
    ]
    for seconds, happening in happenings:
        clock.seconds = seconds
        report.take(happening)
    return report


def test_the_parts_of_a_segment_are_one_segment() -> None:
    report = TurnReport("t1", speech_ended_at=100.0, clock=Clock())
    for happening in (
        Sentence(TURN, 0, "Arre yaar,", "en", 100.51),
        Playable(0, (b"a", b"b"), None),
        Playable(0, (b"c",), None, packets_before=2),
    ):
        report.take(happening)
    assert report.to_json()["segments"] == [{"index": 0, "text": "Arre yaar,", "ms": 60}]
    assert report.packets == [b"a", b"b", b"c"]


def test_timings_count_from_the_end_of_speech() -> None:
    timings = spoken_turn().timings_ms()
    assert timings == {
        "endpoint": 220.0,
        "transcribe": 300.0,
        "first_token": 450.0,
        "first_sentence": 520.0,
        "first_audio": 560.0,
        "total": 800.0,
        # 0.2 of chosen silence; models from 100.2 to 100.3, 100.31 to 100.51 and 100.515 to 100.55
        "overhead": pytest.approx(25.0, abs=0.2),
    }


def test_the_report_names_what_was_said_and_by_which_engines() -> None:
    told = spoken_turn().to_json()
    assert told["heard"] == "hi"
    assert told["reply"] == "Arre yaar,"
    assert told["segments"] == [{"index": 0, "text": "Arre yaar,", "ms": 40}]
    assert told["engines"] == {"transcribe": "ear", "generate": "mind", "synthesize": "mouth"}
    assert told["failure"] is None


def test_what_did_not_happen_is_null() -> None:
    report = TurnReport("t1", speech_ended_at=100.0, clock=Clock())
    report.take(TurnDropped(TURN, "transcribe", "nothing-heard"))
    told = report.to_json()
    assert told["timings"]["first_audio"] is None
    assert told["timings"]["overhead"] is None
    assert told["failure"] == {"stage": "transcribe", "code": "nothing-heard", "detail": REASONS["nothing-heard"]}
