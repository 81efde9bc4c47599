"""Each role on a machine that has only the packages it asks for: workers load and work, models can be pulled."""

import asyncio
import os
import subprocess
import sys
import time
from contextlib import ExitStack
from pathlib import Path

import pytest
from celery import Celery

from bot.turns import Turns, Who
from tasks.messages import STAGES, Heard, ReplyEnded
from tests.fakes.role_machine import environment
from tests.fakes.stages import ENVIRONMENT
from tests.house.test_structure import module_of, python_files
from tests.integration.test_turns import lived, of_kind, pcm
from tests.running import HOUSE, RunningValkey, RunningWorker

WITH_MODELS = ("bot", "worker-transcribe", "worker-generate", "worker-synthesize", "stack")


def run(role: str, folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, *arguments],
        cwd=HOUSE,
        env={**os.environ, **environment(role, folder), "PRIYA_HOME": str(folder / "home")},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


async def test_a_spoken_turn_is_answered_by_machines_that_have_one_role_each(tmp_path: Path, who: Who) -> None:
    with ExitStack() as running, RunningValkey(tmp_path / "valkey") as own:
        for stage in STAGES:
            alone = environment(f"worker-{stage}", tmp_path / stage)
            running.enter_context(RunningWorker(stage, own.url, tmp_path / f"home-{stage}", ENVIRONMENT | alone))
        async with Turns(own.url, request_seconds=20) as turns:
            happenings = await lived(await turns.hear(who, pcm(0.25)))
        celery = Celery("asking", broker=own.url, backend=own.url, set_as_current=False)
        celery.config_from_object("celeryconfig")
        celery.conf.update(broker_url=own.url, result_backend=own.url)
        hop = celery.send_task("hop", [time.time()], queue="upkeep")
        assert await asyncio.to_thread(hop.get, timeout=20) >= 0
    assert of_kind(happenings, Heard)[0].text == "level 250"
    assert of_kind(happenings, ReplyEnded)[0].count == 2


@pytest.mark.parametrize("role", WITH_MODELS)
def test_a_machine_with_models_can_pull_them(role: str, tmp_path: Path) -> None:
    """As far as it goes without a network: the list is drawn, and the libraries that fetch are there."""
    listed = run(role, tmp_path, "-m", "workers.models", "list")
    assert "smollm2-135m" in listed.stdout, listed.stderr
    fetched = run(role, tmp_path, "-c", "import workers.models.pull, httpx2, tenacity")
    assert fetched.returncode == 0, fetched.stderr


def test_a_bot_node_finds_all_that_the_bot_is_made_of(tmp_path: Path) -> None:
    modules = [module_of(file) for file in python_files("bot") if file.stem != "__main__"]
    loaded = run("bot", tmp_path, "-W", "ignore", "-c", f"import {', '.join(modules)}")
    assert loaded.returncode == 0, loaded.stderr


def test_the_watching_machine_loads_flower_without_any_engine(tmp_path: Path) -> None:
    """As ``celery -A tasks.app flower`` does it: every module that the application includes is imported."""
    load = "from tasks.app import app; app.loader.import_default_modules()"
    shown = run("stack", tmp_path, "-c", f"{load}; import flower.app; flower.app.Flower(capp=app)")
    assert shown.returncode == 0, shown.stderr


def test_what_a_role_does_not_ask_for_is_really_not_found_there(tmp_path: Path) -> None:
    for module in ("scipy", "llama_cpp", "nextcord"):
        refused = run("worker-transcribe", tmp_path, "-c", f"import {module}")
        assert "ModuleNotFoundError" in refused.stderr
