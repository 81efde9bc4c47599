"""The pins: whole, the same for every role, and without model libraries on a bot node."""

import re
from pathlib import Path

import pytest

from config.providers import read_providers
from config.settings import Settings
from deploy.setup import REPOSITORY, fingerprint

ROLES = (
    *("bot", "worker-transcribe", "worker-generate", "worker-synthesize", "worker-upkeep", "extra-coqui"),
    *("stack", "dev"),
)
NAMED_BY_THE_README = (
    "nextcord", "celery", "redis", "llama-cpp-python", "openai-whisper", "piper-tts", "tenacity", "pybreaker", "loguru",
    "pytest", "flower",
)  # fmt: skip


def pins(file: str) -> dict[str, str]:
    found = {}
    for line in (REPOSITORY / file).read_text().splitlines():
        if line.strip() and not line.lstrip().startswith("#"):
            name, version = re.split("==", line.split(";")[0].strip())
            found[name] = version
    return found


@pytest.mark.parametrize("package", NAMED_BY_THE_README)
def test_everything_named_is_pinned(package: str):
    assert package in pins("requirements.txt")


@pytest.mark.parametrize("role", ROLES)
def test_role_has_a_part_of_the_same_pins(role: str):
    whole = pins("requirements.txt")
    part = pins(f"requirements/{role}.txt")

    assert part
    assert {name: whole.get(name) for name in part} == part


@pytest.mark.parametrize("role", ROLES)
def test_role_has_all_it_asks_for(role: str):
    part = pins(f"requirements/{role}.txt")
    wishes = [
        re.split(r"[\[<]", line)[0].strip()
        for line in (REPOSITORY / f"requirements/{role}.in").read_text().splitlines()
        if line and not line.startswith(("#", "-r"))
    ]

    assert [wish for wish in wishes if wish not in part] == []


@pytest.mark.parametrize("library", ["torch", "llama-cpp-python", "openai-whisper", "faster-whisper", "ctranslate2"])
def test_bot_node_needs_no_model_library(library: str):
    assert library not in pins("requirements/bot.txt")


def test_changed_wish_is_noticed(tmp_path: Path):
    for folder in ("requirements", "deploy"):
        (tmp_path / folder).mkdir()
    for name in ("requirements.txt", "requirements/bot.in", "deploy/setup.py", "deploy/llama.py", "deploy/bytecode.py"):
        (tmp_path / name).write_text("a\n")
    before = fingerprint(tmp_path)
    (tmp_path / "requirements" / "bot.in").write_text("b\n")

    assert fingerprint(tmp_path) != before


def test_env_example_names_every_setting_with_its_default():
    example = REPOSITORY / ".env.example"
    named = set(re.findall(r"^#?([A-Z0-9_]+)=", example.read_text(), re.MULTILINE))

    rows = read_providers()
    keys = {row.key_env[0] for row in (*rows.chat, *rows.hear, *rows.speak) if row.key_env}
    assert named == {name.upper() for name in Settings.model_fields} | keys | {"FLOWER_PORT", "CLOUDFLARE_ACCOUNT_ID"}
    assert Settings(_env_file=example) == Settings(_env_file=None)
