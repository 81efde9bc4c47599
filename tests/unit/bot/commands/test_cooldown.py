from bot.commands.cooldown import PEOPLE_MOST, Cooldown


def test_so_many_uses_are_free_and_the_next_one_waits_for_the_first_to_age() -> None:
    cooldown = Cooldown(uses=2, within_seconds=10)
    assert [cooldown.use(1, now) for now in (0.0, 4.0)] == [0, 0]
    assert cooldown.use(1, 7.0) == 3.0
    assert cooldown.use(1, 10.0) == 0, "what was refused did not count"
    assert cooldown.use(1, 10.0) == 4.0


def test_nobody_waits_for_somebody_else() -> None:
    cooldown = Cooldown(uses=1, within_seconds=10)
    assert cooldown.use(1, 0.0) == 0
    assert cooldown.use(2, 0.0) == 0
    assert cooldown.use(1, 0.0) == 10.0


def test_those_who_have_been_quiet_are_forgotten_and_the_quick_are_not() -> None:
    cooldown = Cooldown(uses=1, within_seconds=10)
    for person in range(PEOPLE_MOST - 1):
        cooldown.use(person, 0.0)
    cooldown.use(-1, 9.0)
    assert cooldown.use(-2, 15.0) == 0
    assert set(cooldown._used_at) == {-1, -2}
    assert cooldown.use(-1, 15.0) == 4.0
