"""A race: who is started when, who answers, who is stopped and why."""

from collections.abc import Generator

import pytest

from tests.fakes.contenders import HandContender, Queue
from workers.errors import BadInput, EngineTimeout, EngineUnavailable
from workers.failover.race import LONGEST_LATER_HEAD_START_SECONDS, Broke, Lost, Race

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


def test_three_that_are_late_do_not_keep_a_fourth_from_answering():
    clouds = [*(HandContender(f"cloud-{number}") for number in range(3)), patient("cloud-3")]
    running = start(*clouds)
    while not clouds[3].has_started:
        next(running)
    assert isinstance(clouds[0].stopped[0], EngineTimeout)
    assert not any(cloud.stopped for cloud in clouds[1:])


def test_three_that_are_late_are_waited_for_when_nobody_else_is_there():
    clouds = [HandContender(f"cloud-{number}") for number in range(3)]
    running = start(*clouds)
    for _ in range(20):
        next(running)
    assert not any(cloud.stopped for cloud in clouds)


def test_whoever_stumbled_gives_up_its_place_before_whoever_is_only_late():
    clouds = [*(HandContender(f"cloud-{number}") for number in range(3)), patient("cloud-3")]
    running = start(*clouds)
    while not clouds[2].has_started:
        next(running)
    clouds[2].stumble(DOWN)
    while not clouds[3].has_started:
        next(running)
    assert (clouds[0].stopped, clouds[1].stopped, clouds[2].stopped) == ([], [], ["lost"])


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
