"""First come, first served."""

from threading import Thread

from workers.language.turnstile import Turnstile


def test_tickets_are_let_through_in_order():
    turnstile = Turnstile()
    first, second, third = (turnstile.ticket() for _ in range(3))
    assert turnstile.is_open_for(first, patience=0)
    assert not turnstile.is_open_for(second, patience=0)
    turnstile.leave(first)
    assert turnstile.is_open_for(second, patience=0)
    assert not turnstile.is_open_for(third, patience=0)


def test_who_gives_up_waiting_holds_nobody_up():
    turnstile = Turnstile()
    first, second, third = (turnstile.ticket() for _ in range(3))
    turnstile.leave(second)
    turnstile.leave(first)
    assert turnstile.is_open_for(third, patience=0)


def test_who_waits_is_woken_when_another_thread_leaves():
    turnstile = Turnstile()
    first, second = turnstile.ticket(), turnstile.ticket()
    leaving = Thread(target=turnstile.leave, args=(first,))
    leaving.start()
    assert turnstile.is_open_for(second, patience=10)
    leaving.join()
