"""The smallest starter model, from the package index it really lies in, as ``make run`` pulls it."""

import os
import subprocess
import sys
from pathlib import Path

from config.models import verified_folder

REPOSITORY = Path(__file__).parents[2]
NAME = "smart-turn-v3.2"


def _models(home: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "workers.models", *arguments],
        cwd=REPOSITORY,
        env={**os.environ, "PRIYA_HOME": str(home)},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )


def test_the_real_mirror_gives_the_real_model_and_a_damaged_one_is_repaired(tmp_path: Path) -> None:
    pulled = _models(tmp_path, "pull", NAME, "--source", "mirror")
    assert pulled.returncode == 0, pulled.stderr
    folder = verified_folder(tmp_path / "models", NAME)
    model = folder / "smart-turn-v3.2-cpu.onnx"

    damaged = bytearray(model.read_bytes())
    damaged[len(damaged) // 2] ^= 1
    model.write_bytes(damaged)
    verified = _models(tmp_path, "verify")
    assert verified.returncode == 1
    assert verified.stderr.startswith(f"{NAME}/{model.name}: sha256 is ")
    assert verified.stderr.endswith(f"run: python -m workers.models pull {NAME}\n")

    assert _models(tmp_path, "pull", NAME, "--source", "mirror").returncode == 0
    assert _models(tmp_path, "verify").returncode == 0
    assert sorted(path.name for path in folder.iterdir()) == [".lock", model.name]
