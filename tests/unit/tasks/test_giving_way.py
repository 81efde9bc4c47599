import errno
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tasks.giving_way import AUTOGROUP, PAUSE_SECONDS, TRIES, for_the_session

ASK = """
import os
from tasks.giving_way import AUTOGROUP, give_way
give_way(4)
print(os.nice(0), (AUTOGROUP.read_text() if AUTOGROUP.exists() else "").split()[-1:])
"""


class Refusing(type(Path())):  # type: ignore[misc]
    """An autogroup file that is refused with ``errors``, one a try."""

    errors: list[int]

    def write_text(self, data: str, *_: object, **__: object) -> int:
        if self.errors:
            number = self.errors.pop(0)
            raise OSError(number, "refused")
        written: int = super().write_text(data)
        return written


def refusing(folder: Path, *errors: int) -> Refusing:
    file = Refusing(folder / "autogroup")
    file.errors = list(errors)
    return file


def told_by(*, own_session: bool) -> list[str]:
    asked = subprocess.run(
        [sys.executable, "-c", ASK],
        start_new_session=own_session,
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    return asked.stdout.split()


def here() -> str:
    """The niceness of this session as a list of one, or none: the file is empty for a session that has no autogroup,
    as one that the machine's first process made (``proc_sched_autogroup_show_task`` in kernel/sched/autogroup.c)."""
    return str((AUTOGROUP.read_text() if AUTOGROUP.exists() else "").split()[-1:])


def test_a_process_with_a_session_of_its_own_takes_the_session_along() -> None:
    assert told_by(own_session=True) == [str(os.nice(0) + 4), "['4']" if AUTOGROUP.exists() else "[]"]


def test_a_session_that_others_live_in_is_left_as_it_is() -> None:
    before = here()
    assert told_by(own_session=False) == [str(os.nice(0) + 4), before]
    assert here() == before


def test_whoever_comes_too_soon_after_another_tries_again(tmp_path: Path, lines: list[str]) -> None:
    pauses: list[float] = []
    file = refusing(tmp_path, errno.EAGAIN, errno.EAGAIN)
    for_the_session(7, file, pauses.append)
    assert file.read_text() == "7"
    assert pauses == [PAUSE_SECONDS] * 2
    assert not lines


@pytest.mark.parametrize(("errors", "pauses"), [([errno.EAGAIN] * TRIES, TRIES - 1), ([errno.EACCES], 0)])
def test_what_cannot_be_had_is_told_and_the_process_goes_on(
    tmp_path: Path, lines: list[str], errors: list[int], pauses: int
) -> None:
    waited: list[float] = []
    for_the_session(7, refusing(tmp_path, *errors), waited.append)
    assert len(waited) == pauses
    assert [line for line in lines if "niceness is not 7" in line]
