from bot.progress import MOST_RESENDS, STALE_LOOKS, LossWatch, Progress
from tasks.dispatch import StageLoad
from tasks.messages import (
    Heard,
    ReplyEnded,
    Segment,
    SegmentBegun,
    Sentence,
    Turn,
    TurnDropped,
    TurnFailed,
    Utterance,
    Work,
)
from tasks.presence import WorkerPresence

TURN = Turn("t1", "replies:1", "c1", "u1", "Asha", deadline=1e12)
WORK = Work("fake", "host-1", 1.0, 2.0, 3.0, 4.0)


def sentence(index: int, turn: Turn = TURN) -> Sentence:
    return Sentence(turn, index, f"Sentence {index}.", "en", 1.0)


def segment(index: int) -> Segment:
    return Segment(TURN, index, f"audio:t1:{index}", 500, WORK)


def test_a_spoken_turn_is_over_when_every_sentence_has_its_sound() -> None:
    progress = Progress(TURN, utterance=Utterance(TURN, "audio:t1:in", 1.0, 1.0))
    assert progress.awaited() == ["transcribe"]
    progress.absorb(Heard(TURN, "hi", "en", 0.9, WORK))
    assert progress.awaited() == ["generate"]
    progress.absorb(sentence(0))
    progress.absorb(sentence(1))
    assert progress.awaited() == ["generate", "synthesize"]
    progress.absorb(segment(1))
    progress.absorb(ReplyEnded(TURN, 2, "both", WORK))
    assert not progress.is_over
    progress.absorb(segment(0))
    assert progress.is_over
    assert progress.awaited() == []


def test_a_segment_that_has_only_begun_is_still_awaited() -> None:
    progress = Progress(TURN)
    progress.absorb(sentence(0))
    progress.absorb(ReplyEnded(TURN, 1, "one", WORK))
    progress.absorb(SegmentBegun(TURN, 0, "audio:t1:0:beginning", 500, WORK))
    assert progress.awaited() == ["synthesize"]
    assert not progress.is_over


def test_the_end_may_come_before_the_sentences_it_counts() -> None:
    progress = Progress(TURN)
    progress.absorb(ReplyEnded(TURN, 1, "one", WORK))
    assert not progress.is_over
    progress.absorb(sentence(0))
    progress.absorb(segment(0))
    assert progress.is_over


def test_a_turn_that_is_only_read_waits_for_no_sound() -> None:
    turn = Turn("t2", "replies:1", "c1", "u1", "Asha", deadline=1e12, spoken=False)
    progress = Progress(turn)
    progress.absorb(sentence(0, turn))
    progress.absorb(ReplyEnded(turn, 1, "one", WORK))
    assert progress.is_over


def test_repeated_events_are_no_news() -> None:
    progress = Progress(TURN)
    for event in (
        Heard(TURN, "hi", "en", 0.9, WORK),
        sentence(0),
        SegmentBegun(TURN, 0, "audio:t1:0:beginning", 500, WORK),
        segment(0),
        ReplyEnded(TURN, 1, "one", WORK),
    ):
        assert progress.absorb(event)
        assert not progress.absorb(event)


def test_a_sentence_that_cannot_be_spoken_does_not_hold_up_the_turn() -> None:
    progress = Progress(TURN)
    progress.absorb(sentence(0))
    progress.absorb(ReplyEnded(TURN, 1, "one", WORK))
    progress.absorb(TurnFailed(TURN, "synthesize", "no-engine", "why", index=0))
    assert progress.is_over
    assert progress.failed is None


def test_a_failed_answer_is_over_when_what_was_written_is_spoken() -> None:
    progress = Progress(TURN)
    progress.absorb(sentence(0))
    progress.absorb(TurnFailed(TURN, "generate", "engine-unavailable", "died"))
    assert not progress.is_over
    progress.absorb(segment(0))
    assert progress.is_over


def test_a_dropped_turn_is_over_at_once() -> None:
    progress = Progress(TURN)
    progress.absorb(sentence(0))
    progress.absorb(TurnDropped(TURN, "generate", "late"))
    assert progress.is_over


def load(*workers: WorkerPresence, waiting: int = 0) -> StageLoad:
    return StageLoad(workers, waiting)


def worker(name: str, *turns: str, state: str = "ready", renewal: int = 1) -> WorkerPresence:
    return WorkerPresence(name, "generate", state, "fake", "host", 1, turns, 100, renewal=renewal)  # type: ignore[arg-type]


def test_a_turn_whose_worker_is_gone_is_lost_even_when_others_work() -> None:
    watch = LossWatch("t1")
    assert not watch.is_lost(load(worker("a", "t1"), worker("b", "other")))
    assert watch.is_lost(load(worker("b", "other")))


def test_a_turn_in_nobodys_hands_is_lost_on_the_second_look() -> None:
    watch = LossWatch("t1")
    assert not watch.is_lost(load(worker("a", renewal=1)))
    assert watch.is_lost(load(worker("a", renewal=2)))


def test_a_worker_that_may_have_begun_is_waited_for() -> None:
    """Its presence is renewed twice a second; what it began meanwhile is not in it."""
    watch = LossWatch("t1")
    assert not watch.is_lost(load(worker("a", renewal=1), worker("b", renewal=7)))
    assert not watch.is_lost(load(worker("a", renewal=2), worker("b", renewal=7)))
    assert not watch.is_lost(load(worker("a", "t1", renewal=2), worker("b", renewal=8)))


def test_a_worker_that_says_nothing_new_is_not_waited_for_long() -> None:
    """It may have died of the message before it said that it had it."""
    watch = LossWatch("t1")
    looks = [watch.is_lost(load(worker("a", renewal=1), worker("b", renewal=look))) for look in range(STALE_LOOKS)]
    assert looks == [False] * (STALE_LOOKS - 1) + [True]


def test_a_turn_that_waits_in_a_queue_or_for_a_loading_worker_is_not_lost() -> None:
    watch = LossWatch("t1")
    for _ in range(5):
        assert not watch.is_lost(load(worker("a"), waiting=1))
        assert not watch.is_lost(load(worker("a", state="loading")))
        assert not watch.is_lost(load())


def test_a_turn_that_is_worked_on_is_never_lost() -> None:
    watch = LossWatch("t1")
    for _ in range(5):
        assert not watch.is_lost(load(worker("a", "t1")))


def test_a_turn_is_sent_again_at_most_twice() -> None:
    watch = LossWatch("t1")
    assert sum(watch.is_lost(load(worker("a", renewal=look))) for look in range(20)) == MOST_RESENDS
