"""When a program that ended is started again, and when that is given up."""

import pytest

from deploy.keep import EX_CONFIG, QUICK_ENDS, STEADY_SECONDS, Restarts, how_it_ended


def test_first_restart_is_nearly_at_once():
    assert Restarts().pause_after(lived_seconds=0, code=-9) == pytest.approx(0.2)


def test_pauses_grow_while_it_ends_quickly():
    restarts = Restarts()

    pauses = [restarts.pause_after(0.1, 1) for _ in range(QUICK_ENDS - 1)]

    assert pauses == pytest.approx([0.2, 0.4, 0.8, 1.6])


def test_program_that_never_lived_long_is_given_up():
    restarts = Restarts()

    assert [restarts.pause_after(0.1, 1) for _ in range(QUICK_ENDS)][-1] is None


def test_program_that_once_lived_long_is_never_given_up():
    restarts = Restarts()
    restarts.pause_after(STEADY_SECONDS, -9)

    pauses = [restarts.pause_after(0.1, 1) for _ in range(50)]

    assert None not in pauses
    assert pauses[-1] == 30.0


def test_long_life_forgives_earlier_ends():
    restarts = Restarts()
    for _ in range(QUICK_ENDS - 1):
        restarts.pause_after(0.1, 1)

    assert restarts.pause_after(STEADY_SECONDS, 1) == pytest.approx(0.2)


def test_program_that_is_configured_wrongly_is_given_up_at_once():
    assert Restarts().pause_after(100, EX_CONFIG) is None


@pytest.mark.parametrize(("code", "said"), [(1, "ended with code 1"), (-9, "was ended by SIGKILL")])
def test_end_is_told_in_words(code: int, said: str):
    assert how_it_ended(code) == said
