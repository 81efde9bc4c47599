from bot.text.crowd import MOST, Writers


def test_who_wrote_lately_is_remembered() -> None:
    writers = Writers()
    writers.wrote(1, 100.0)
    writers.wrote(2, 105.0)
    writers.wrote(1, 110.0)
    assert writers.since(105.0) == {1, 2}
    assert writers.since(106.0) == {1}
    assert not writers.since(111.0)


def test_of_a_crowd_the_last_ones_are_remembered() -> None:
    writers = Writers()
    for person in range(MOST + 10):
        writers.wrote(person, float(person))
    assert writers.since(0.0) == set(range(10, MOST + 10))
