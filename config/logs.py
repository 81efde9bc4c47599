"""One JSON line for each thing that happens, with the same fields everywhere and no secret in any of them."""

import json
import logging
import sys
import traceback
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, Final

from loguru import logger
from pydantic import SecretStr

from config.providers import environment
from config.settings import Settings

if TYPE_CHECKING:
    from loguru import Message, Record

FIELDS: Final = ("user_id", "turn", "stage", "model", "duration_ms", "success")
"""What every line carries besides timestamp, level, module, function and message; null where it has no value.
Bind them with ``logger.bind(turn=..., stage=...)``; anything else that is bound follows them."""

SECRET_NAMES: Final = ("TOKEN", "KEY", "SECRET", "PASSWORD")
HIDDEN: Final = "***"
SHORTEST_SECRET: Final = 6
"""Shorter values are not worth hiding: replacing "a" would only ruin the log."""


class LogToLoguru(logging.Handler):
    """Sends the standard library's log records (Celery, nextcord, kombu) the same way as our own."""

    def emit(self, record: logging.LogRecord) -> None:
        try:
            level: str | int = logger.level(record.levelname).name
        except ValueError:
            level = record.levelno
        origin = {"module": record.module, "function": record.funcName, "line": record.lineno, "name": record.name}
        logger.patch(
            lambda entry: entry.update(origin)  # type: ignore[typeddict-item]  # all four are its fields
        ).opt(exception=record.exc_info).log(level, "{}", record.getMessage())


def secrets_of(settings: Settings) -> frozenset[str]:
    """Every secret that this process knows: secret settings, Redis passwords, keys in the environment and ``.env``."""
    known = {
        value.get_secret_value()
        for value in (getattr(settings, name) for name in type(settings).model_fields)
        if isinstance(value, SecretStr)
    }
    known |= {value for name, value in environment().items() if any(part in name.upper() for part in SECRET_NAMES)}
    known |= {url.rsplit("@", 1)[0].rsplit(":", 1)[-1] for url in list(known) if "://" in url and "@" in url}
    return frozenset(value for value in known if len(value) >= SHORTEST_SECRET)


def json_line(record: "Record", secrets: Iterable[str]) -> str:
    """One log record as one line of JSON, with every secret in it hidden."""
    extra = dict(record["extra"])
    line: dict[str, Any] = {
        "timestamp": record["time"].isoformat(),
        "level": record["level"].name,
        "module": record["module"],
        "function": record["function"],
        "message": record["message"],
        **{name: extra.pop(name, None) for name in FIELDS},
        **extra,
    }
    if record["exception"] is not None and record["exception"].value is not None:
        line["exception"] = "".join(traceback.format_exception(record["exception"].value))
    text = json.dumps(line, ensure_ascii=False, default=str)
    for secret in secrets:
        text = text.replace(secret, HIDDEN)
    return text


def configure_logs(settings: Settings, role: str) -> None:
    """Point every log of this process to ``LOG_FILE``, or standard error when it is unset. Call once, at the door.

    ``role`` (``bot``, ``transcribe`` ...) is added to every line.
    """
    secrets = secrets_of(settings)

    def write(message: "Message") -> None:
        sys.stderr.write(json_line(message.record, secrets) + "\n")

    def as_json(record: "Record") -> str:
        # Loguru formats what this returns once more, so the line travels as a field of the record.
        record["extra"]["json"] = json_line(record, secrets)
        return "{extra[json]}\n"

    logger.remove()
    if settings.log_file is None:
        logger.add(write, level=settings.log_level)
    else:
        # Several processes append to one file, so none of them may rotate it; ``watch`` follows a logrotate.
        logger.add(settings.log_file, level=settings.log_level, format=as_json, watch=True)
    logger.configure(extra={"role": role})
    logging.basicConfig(handlers=[LogToLoguru()], level=settings.log_level.replace("TRACE", "DEBUG"), force=True)
    for repeating in ("celery.app.trace", "celery.worker.strategy", "httpx2"):
        # A line for each task, with what people said in it, and for each request. The stages log their own.
        logging.getLogger(repeating).setLevel(logging.WARNING)
    for chatty in ("nextcord", "kombu", "amqp", "asyncio", "urllib3", "httpcore2"):
        # nextcord prints voice tokens and keys at DEBUG; the others say nothing that a person could use there.
        logging.getLogger(chatty).setLevel(max(logging.INFO, logging.getLogger().level))
