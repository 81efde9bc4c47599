"""The house rules that a linter doesn't know: doors between rooms, sizes, no cycles, data that loads."""

import ast
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

HOUSE = Path(__file__).parents[2]
ROOMS = ("bot", "workers", "tasks", "config", "deploy")
LONGEST_FILE = 400
LONGEST_FUNCTION = 70

DOORS = {
    "config": {"config"},
    "workers": {"workers", "config"},
    "tasks": {"tasks", "workers", "config", "celeryconfig"},
    "bot": {"bot", "tasks", "config"},
    "deploy": {"deploy", "tasks", "config"},
}
# Of the hallway, the bot may enter what needs no engine and no task body.
OPEN_TO_BOT = {
    "tasks.messages", "tasks.dispatch", "tasks.replies", "tasks.blobs", "tasks.connections", "tasks.presence",
    "tasks.cached_speech",
    "tasks.health",
}  # fmt: skip


def module_of(file: Path) -> str:
    parts = file.relative_to(HOUSE).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


@cache
def parsed(file: Path) -> ast.Module:
    return ast.parse(file.read_text(encoding="utf-8"))


def python_files(*rooms: str) -> list[Path]:
    return sorted(file for room in rooms for file in (HOUSE / room).rglob("*.py") if "__pycache__" not in file.parts)


def imports(file: Path) -> Iterator[tuple[str, bool]]:
    """Modules that a file imports, and whether it does so as it is loaded itself."""
    tree = parsed(file)
    deferred = {
        id(node)
        for holder in ast.walk(tree)
        if isinstance(holder, ast.FunctionDef | ast.AsyncFunctionDef) or is_type_checking(holder)
        for node in ast.walk(holder)
    }
    for node in ast.walk(tree):
        at_once = id(node) not in deferred
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield alias.name, at_once
        elif isinstance(node, ast.ImportFrom) and node.module:
            for alias in node.names:
                whole = f"{node.module}.{alias.name}"
                yield (whole if is_module(whole) else node.module), at_once


def is_type_checking(node: ast.AST) -> bool:
    return isinstance(node, ast.If) and isinstance(node.test, ast.Name) and node.test.id == "TYPE_CHECKING"


def is_module(name: str) -> bool:
    path = HOUSE.joinpath(*name.split("."))
    return path.with_suffix(".py").is_file() or (path / "__init__.py").is_file()


def test_every_import_goes_through_an_open_door() -> None:
    wrong = [
        f"{module_of(file)} imports {name}"
        for room in ROOMS
        for file in python_files(room)
        for name, _ in imports(file)
        if name.split(".")[0] in {*ROOMS, "celeryconfig", "tests"} and name.split(".")[0] not in DOORS[room]
    ]
    assert not wrong


def test_the_bot_never_enters_a_task_body() -> None:
    wrong = [
        f"{module_of(file)} imports {name}"
        for file in python_files("bot")
        for name, _ in imports(file)
        if name.startswith("tasks") and name not in OPEN_TO_BOT
    ]
    assert not wrong


def reachable(module: str, graph: dict[str, set[str]]) -> set[str]:
    seen: set[str] = set()
    waiting = [module]
    while waiting:
        for name in graph.get(waiting.pop(), ()):
            if name not in seen:
                seen.add(name)
                waiting.append(name)
    return seen


def import_graph(*, at_once_only: bool) -> dict[str, set[str]]:
    return {
        module_of(file): {name for name, at_once in imports(file) if is_module(name) and (at_once or not at_once_only)}
        for file in python_files(*ROOMS)
    }


def test_what_the_bot_needs_of_the_hallway_brings_no_engine_with_it() -> None:
    graph = import_graph(at_once_only=True)
    brought = {name for door in OPEN_TO_BOT for name in reachable(door, graph)}
    assert not {name for name in brought if name.startswith("workers")}


def test_no_module_imports_itself_round_a_corner() -> None:
    """Not for its types alone, either: what two must know of each other is a Protocol of the one that asks."""
    graph = import_graph(at_once_only=False)
    assert not [module for module in graph if module in reachable(module, graph)]


@pytest.mark.parametrize("file", python_files(*ROOMS, "tests"), ids=lambda file: str(file.relative_to(HOUSE)))
def test_file_and_its_functions_fit_into_the_head(file: Path) -> None:
    assert file.read_text(encoding="utf-8").count("\n") <= LONGEST_FILE
    too_long = [
        f"{node.name}: {node.end_lineno - node.lineno + 1} lines"
        for node in ast.walk(parsed(file))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        and node.end_lineno is not None
        and node.end_lineno - node.lineno + 1 > LONGEST_FUNCTION
    ]
    assert not too_long


def test_every_room_begins_empty() -> None:
    assert not [room for room in ROOMS if (HOUSE / room / "__init__.py").read_text(encoding="utf-8").strip()]


def test_messages_need_only_the_standard_library() -> None:
    import sys

    allowed = sys.stdlib_module_names
    assert all(name.split(".")[0] in allowed for name, _ in imports(HOUSE / "tasks" / "messages.py"))


def test_no_file_has_a_name_that_says_nothing() -> None:
    empty_names = {"utils", "helpers", "common", "manager", "misc", "tools"}
    assert not [file for file in python_files(*ROOMS, "tests") if file.stem in empty_names]


def test_every_module_says_what_it_is_for() -> None:
    silent = [
        module_of(file)
        for file in python_files(*ROOMS)
        if parsed(file).body and ast.get_docstring(parsed(file)) is None
    ]
    assert not silent
