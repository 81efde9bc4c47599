"""The first step of set-up, before there is any Python of ours."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from deploy import setup
from deploy.setup import REPOSITORY


@pytest.fixture
def clone(tmp_path: Path) -> Path:
    folder = tmp_path / "clone"
    (folder / "deploy").mkdir(parents=True)
    shutil.copy(REPOSITORY / "deploy" / "setup.sh", folder / "deploy")
    (tmp_path / "bin").mkdir()
    for tool in ("sh", "dirname", "rm"):
        (tmp_path / "bin" / tool).symlink_to(shutil.which(tool) or "")
    return folder


def set_up(clone: Path) -> subprocess.CompletedProcess[str]:
    environment = {"PATH": str(clone.parent / "bin")}
    return subprocess.run(
        [clone.parent / "bin" / "sh", "deploy/setup.sh"],
        check=False,
        cwd=clone,
        env=environment,
        capture_output=True,
        text=True,
    )


def test_machine_without_python_is_told_so_in_one_sentence(clone: Path):
    ended = set_up(clone)

    assert ended.returncode == 1
    assert ended.stderr.startswith("Priya needs Python 3.12 or newer")
    assert len(ended.stderr.splitlines()) == 1


def test_python_that_is_too_old_will_not_do(clone: Path):
    old = clone.parent / "bin" / "python3"
    old.write_text("#!/bin/sh\nexit 1\n")
    old.chmod(0o755)

    assert set_up(clone).returncode == 1


def test_python_that_will_do_is_handed_the_set_up(clone: Path):
    new = clone.parent / "bin" / "python3.13"
    new.write_text('#!/bin/sh\n[ "$1" = -c ] || echo "asked: $*"\n')
    new.chmod(0o755)

    assert set_up(clone).stdout == "asked: -m deploy.setup\n"


def test_virtual_environment_that_lost_its_python_is_made_anew(clone: Path):
    (clone / ".venv" / "bin").mkdir(parents=True)
    (clone / ".venv" / "bin" / "python").symlink_to("/nowhere/python3.12")

    ended = set_up(clone)

    assert "has lost its Python" in ended.stderr
    assert not (clone / ".venv").exists()


def test_mirror_of_pip_is_passed_on_to_uv(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("PIP_INDEX_URL", "https://mirror.example/simple")
    monkeypatch.setenv("PIP_CERT", "/etc/ssl/mirror.pem")

    assert setup.pip_settings() == {
        "UV_DEFAULT_INDEX": "https://mirror.example/simple",
        "SSL_CERT_FILE": "/etc/ssl/mirror.pem",
    }


def test_mirror_in_the_configuration_of_pip_is_passed_on_to_uv(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    for name in [name for name in os.environ if name.startswith("PIP_")]:
        monkeypatch.delenv(name)
    (tmp_path / "pip.conf").write_text("[global]\nindex-url = https://mirror.example/simple\n")
    monkeypatch.setenv("PIP_CONFIG_FILE", str(tmp_path / "pip.conf"))

    assert setup.pip_settings()["UV_DEFAULT_INDEX"] == "https://mirror.example/simple"
