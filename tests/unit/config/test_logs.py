import json
import logging
from collections.abc import Iterator
from pathlib import Path

import pytest
from loguru import logger
from pydantic import SecretStr

from config.logs import FIELDS, configure_logs
from config.settings import Settings

CANARY = "canary-5f1c9e"


@pytest.fixture
def log_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    monkeypatch.setenv("GROQ_API_KEY", f"{CANARY}-groq")
    file = tmp_path / "priya.log"
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    settings = Settings(
        _env_file=None,
        log_file=file,
        log_level="DEBUG",
        discord_token=SecretStr(f"{CANARY}-discord"),
        redis_url=SecretStr(f"redis://:{CANARY}-redis@host:1/0"),
    )
    configure_logs(settings, "test")
    yield file
    logger.remove()
    root.handlers[:], root.level = handlers, level


def lines(file: Path) -> list[dict[str, object]]:
    return [json.loads(line) for line in file.read_text(encoding="utf-8").splitlines()]


def test_a_line_has_all_fields(log_file: Path) -> None:
    logger.bind(turn="t1", stage="generate", user_id="u1", model="llama", duration_ms=12.5, success=True).info(
        "Answered {} words", 3
    )
    [line] = lines(log_file)
    assert {"timestamp", "level", "module", "function", "message", *FIELDS} <= line.keys()
    assert (line["message"], line["turn"], line["duration_ms"]) == ("Answered 3 words", "t1", 12.5)
    assert (line["level"], line["module"], line["role"]) == ("INFO", "test_logs", "test")


def test_braces_in_a_message_or_value_do_no_harm(log_file: Path) -> None:
    logger.bind(stage="{nothing}").info("{}", "a {brace} <red>and</red> a tag")
    [line] = lines(log_file)
    assert line["message"] == "a {brace} <red>and</red> a tag"


def test_other_libraries_log_the_same_way(log_file: Path) -> None:
    logging.getLogger("celery.worker").warning("lost %s", "a connection")
    [line] = lines(log_file)
    assert (line["message"], line["level"], line["module"]) == ("lost a connection", "WARNING", "test_logs")


def test_no_secret_is_ever_written(log_file: Path) -> None:
    try:
        raise ValueError(f"bad token {CANARY}-discord at redis://:{CANARY}-redis@host:1/0")
    except ValueError:
        logger.bind(model=f"{CANARY}-groq").exception("Failed with {}", f"{CANARY}-groq")
    logging.getLogger("httpx").error("header %s", f"{CANARY}-discord")
    text = log_file.read_text(encoding="utf-8")
    assert "ValueError" in text
    assert CANARY not in text


def test_nextcord_never_logs_at_debug(log_file: Path) -> None:
    logging.getLogger("nextcord.gateway").debug("secret key [1, 2, 3]")
    logging.getLogger("nextcord.gateway").info("connected")
    assert [line["message"] for line in lines(log_file)] == ["connected"]
