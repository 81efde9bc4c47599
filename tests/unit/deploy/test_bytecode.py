import os
from pathlib import Path

from deploy.bytecode import compile_imported


def test_bytecode_is_written_though_python_is_told_not_to_and_one_import_fails(tmp_path: Path) -> None:
    environment = {**os.environ, "PYTHONDONTWRITEBYTECODE": "1", "PYTHONPYCACHEPREFIX": str(tmp_path)}
    assert compile_imported(("no_such_module colorsys", "sndhdr_is_gone chunk_is_gone wave"), environment) == 0
    compiled = {file.name.split(".")[0] for file in tmp_path.rglob("*.pyc")}
    assert {"colorsys", "wave"} <= compiled
