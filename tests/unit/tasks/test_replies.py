from tasks.replies import WordsPacer


class Clock:
    def __init__(self) -> None:
        self.seconds = 100.0

    def __call__(self) -> float:
        return self.seconds


def test_first_words_are_sent_at_once_and_later_ones_grouped() -> None:
    sent: list[tuple[str, int]] = []
    clock = Clock()
    pacer = WordsPacer(lambda words, offset: sent.append((words, offset)), every_seconds=0.05, clock=clock)
    pacer.feed("Arre")
    pacer.feed(" yaar")
    pacer.feed(",")
    clock.seconds += 0.06
    pacer.feed(" kya")
    pacer.feed(" hua")
    pacer.flush()
    pacer.flush()
    assert sent == [("Arre", 0), (" yaar, kya", 4), (" hua", 14)]


def test_space_alone_is_not_worth_a_message() -> None:
    sent: list[str] = []
    pacer = WordsPacer(lambda words, _: sent.append(words), every_seconds=0.05, clock=Clock())
    pacer.feed("")
    pacer.feed(" ")
    assert sent == []


def test_a_continued_answer_goes_on_from_its_offset() -> None:
    sent: list[tuple[str, int]] = []
    pacer = WordsPacer(
        lambda words, offset: sent.append((words, offset)), every_seconds=0.05, already_sent=7, clock=Clock()
    )
    pacer.feed("more")
    assert sent == [("more", 7)]
