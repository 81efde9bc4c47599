"""A race: who is started when, who answers, who is stopped and why."""

from collections.abc import Generator, Sequence
from dataclasses import dataclass, field

import pytest

from tests.fakes.contenders import HandContender, Queue
from workers.errors import BadInput, EngineTimeout, EngineUnavailable
from workers.failover.race import LONGEST_LATER_HEAD_START_SECONDS, LOOK_UP_SECONDS, PLACE_SECONDS, Broke, Lost, Race

DOWN = EngineUnavailable("somebody", "is down")


def start(*contenders: HandContender) -> Generator[str | None]:
    """A race that has begun: its first one is started."""
    running = Race(Queue(contenders), "question", is_usable=lambda made, _: bool(made[-1].strip())).run()
    assert next(running) is None
    return running


def until_said(running: Generator[str | None], most_looks: int = 50) -> str:
    return next(item for item in (next(running) for _ in range(most_looks)) if item is not None)


def patient(name: str, **more) -> HandContender:
    return HandContender(name, head_start_seconds=60, **more)


def test_a_quick_first_one_answers_and_nobody_else_is_asked():
    first, second = patient("first"), patient("second")
    running = start(first, second)
    first.say("Hello", " there")
    first.end()
    assert until_said(running) == "Hello"
    assert list(running) == [" there"]
    assert not second.has_started
    assert first.request == "question"


def test_who_is_slow_is_joined_by_the_next_and_may_still_win():
    first, second = HandContender("first"), patient("second")
    running = start(first, second)
    while not second.has_started:
        next(running)
    first.say("I am here after all")
    assert until_said(running) == "I am here after all"
    assert second.stopped == ["lost"]


def test_the_first_usable_text_wins_and_the_losers_are_stopped_before_it_is_said():
    first, second, third = HandContender("first"), HandContender("second"), patient("third")
    running = start(first, second, third)
    while not third.has_started:
        next(running)
    first.say("  ")
    second.say("\n", "Me!")
    assert until_said(running) == "\n"
    assert (first.stopped, third.stopped, second.stopped) == (["lost"], ["lost"], [])


def test_who_fails_is_followed_at_once():
    first, second = patient("first"), patient("second")
    running = start(first, second)
    first.fail(DOWN)
    second_said = False
    for _ in range(3):
        next(running)
        if second.has_started and not second_said:
            second.say("Here")
            second_said = True
            break
    assert until_said(running) == "Here"


def test_who_stumbles_is_joined_at_once_and_goes_on_by_itself():
    first, second = patient("first"), patient("second")
    running = start(first, second)
    first.stumble(DOWN)
    next(running)
    assert second.has_started
    first.say("Got it")
    assert until_said(running) == "Got it"
    assert second.stopped == ["lost"]


def test_never_more_than_three_clouds_run_at_once():
    clouds = [HandContender("cloud-0"), HandContender("cloud-1"), *(patient(f"cloud-{n}") for n in (2, 3, 4))]
    running = start(*clouds)
    for _ in range(20):
        next(running)
    assert [cloud.has_started for cloud in clouds] == [True, True, True, False, False]
    clouds[0].fail(DOWN)
    next(running)
    assert clouds[3].has_started


@dataclass
class Watched:
    """A race over contenders with no head start, whose time goes on when the test says so."""

    contenders: Sequence[HandContender]
    now: float = 0.0
    running: Generator[str | None] = field(init=False)

    def __post_init__(self) -> None:
        self.running = Race(
            Queue(self.contenders),
            "question",
            is_usable=lambda made, _: bool(made[-1].strip()),
            clock=lambda: self.now,
        ).run()

    def look(self, times: int = 6) -> None:
        for _ in range(times):
            assert next(self.running) is None

    @property
    def given_up(self) -> list[bool]:
        return [bool(contender.stopped) for contender in self.contenders]

    @property
    def started(self) -> int:
        return sum(contender.has_started for contender in self.contenders)


def test_three_that_are_late_do_not_keep_a_fourth_from_answering():
    race = Watched([HandContender(f"cloud-{number}") for number in range(4)])
    race.look()
    assert race.started == 3
    race.now = PLACE_SECONDS
    race.look()
    assert race.given_up == [True, False, False, False]
    assert race.contenders[0].stopped == ["lost"], "its ledger knows whether that was too late"
    race.contenders[3].say("Here")
    assert until_said(race.running) == "Here"


def test_where_all_are_slow_somebody_is_waited_for():
    race = Watched([HandContender(f"cloud-{number}") for number in range(8)])
    race.look()
    for tenths in range(1, 34):
        race.now = tenths / 10
        race.look(2)
    assert race.started == 4
    assert race.given_up == [True, *[False] * 7]


def test_who_says_again_what_was_said_keeps_its_place():
    race = Watched([HandContender(f"cloud-{number}") for number in range(4)])
    race.look()
    race.now = PLACE_SECONDS - 0.1
    race.contenders[0].say(" ")
    race.look()
    race.now = PLACE_SECONDS
    race.look()
    assert race.given_up == [False, True, False, False]


def test_three_that_are_late_are_waited_for_when_nobody_else_is_there():
    race = Watched([HandContender(f"cloud-{number}") for number in range(3)])
    race.look()
    race.now = 10 * PLACE_SECONDS
    race.look()
    assert not any(race.given_up)


def test_whoever_stumbled_gives_up_its_place_at_once_and_before_whoever_is_only_late():
    race = Watched([HandContender(f"cloud-{number}") for number in range(4)])
    race.look()
    race.contenders[2].stumble(DOWN)
    race.look()
    race.now = LOOK_UP_SECONDS
    race.look()
    assert race.started == 4
    assert race.given_up == [False, False, True, False]


def test_an_engine_on_the_same_cores_is_not_started_because_another_is_slow():
    first, second = HandContender("first"), patient("second", is_cloud=False, starts_when_others_are_slow=False)
    running = start(first, second)
    for _ in range(5):
        next(running)
    assert not second.has_started
    first.fail(DOWN)
    next(running)
    assert second.has_started


def test_when_all_fail_each_cause_is_told():
    first, second = patient("first"), patient("second")
    running = start(first, second)
    first.fail(EngineUnavailable("first", "is down"))
    next(running)
    second.end()
    with pytest.raises(Lost, match=r"first: is down; second: an answer without words"):
        list(running)


def test_an_empty_line_is_lost_at_once():
    with pytest.raises(Lost, match="no engine is left"):
        list(Race(Queue([]), "question", is_usable=lambda made, _: bool(made[-1])).run())


def test_bad_input_ends_the_race():
    first, second = patient("first"), patient("second")
    running = start(first, second)
    first.fail(BadInput("first", "nothing to answer"))
    with pytest.raises(BadInput):
        list(running)
    assert not second.has_started


def test_a_winner_that_dies_breaks_the_answer():
    first = patient("first")
    running = start(first)
    first.say("So, I")
    first.fail(DOWN)
    assert until_said(running) == "So, I"
    with pytest.raises(Broke) as broke:
        list(running)
    assert broke.value.engine == "first"


def test_a_winner_that_falls_silent_is_stopped_and_breaks_the_answer():
    first = patient("first", longest_silence_seconds=0.0)
    running = start(first)
    first.say("So, I")
    with pytest.raises(Broke):
        list(running)
    assert isinstance(first.stopped[0], EngineTimeout)


def test_who_repeats_what_was_said_and_falls_silent_is_dropped_before_it_has_won():
    first, second = patient("first", longest_silence_seconds=0.0), patient("second")
    running = Race(Queue((first, second)), "question", is_usable=lambda made, is_all: is_all or "news" in made).run()
    next(running)
    first.say("what was said")
    while not second.has_started:
        next(running)
    assert isinstance(first.stopped[0], EngineTimeout)
    second.say("news")
    assert until_said(running) == "news"


def test_nobody_goes_on_when_nobody_listens_any_more():
    first, second = HandContender("first"), patient("second")
    running = start(first, second)
    while not second.has_started:
        next(running)
    running.close()
    assert (first.stopped, second.stopped) == (["lost"], ["lost"])


def test_a_winner_that_is_not_listened_to_any_more_has_said_enough():
    first = patient("first")
    running = start(first)
    first.say("So, I")
    until_said(running)
    running.close()
    assert first.stopped == ["enough"]


def test_after_a_failure_nobody_is_waited_for_as_long_as_they_would_like():
    first, second, third = patient("first"), patient("second"), patient("third")
    now = 0.0
    race = Race(Queue((first, second, third)), "question", is_usable=lambda made, _: bool(made[-1]), clock=lambda: now)
    running = race.run()
    next(running)
    first.fail(DOWN)
    next(running)
    assert second.has_started
    assert not third.has_started
    now = LONGEST_LATER_HEAD_START_SECONDS
    next(running)
    assert third.has_started
