"""What lies in the models folder, told by names and sizes alone: ``list`` is quick, ``verify`` is sure."""

import sys
from pathlib import Path
from typing import Final, Literal

from rich.console import Console
from rich.table import Table

from config.catalogue import Catalogue, Model
from workers.models.progress import megabytes

WIDTH_IN_A_PIPE: Final = 160

State = Literal["pulled", "partial", "missing"]


def state_of(model: Model, models_folder: Path) -> State:
    """Whether all, some or none of the model's files are there with the right size."""
    here = 0
    traces = 0
    for file in model.file:
        path = models_folder / model.name / file.name
        traces += path.exists() or path.with_name(f"{file.name}.part").exists()
        here += path.is_file() and (file.size is None or path.stat().st_size == file.size)
    if here == len(model.file):
        return "pulled"
    return "partial" if traces else "missing"


def own_models(catalogue: Catalogue, models_folder: Path) -> list[str]:
    """Folders that a person put there: models that the catalogue does not know."""
    if not models_folder.is_dir():
        return []
    folders = (place.name for place in models_folder.iterdir() if place.is_dir() and not place.name.startswith("."))
    return sorted(name for name in folders if catalogue.find(name) is None)


def models_table(catalogue: Catalogue, models_folder: Path) -> None:
    """Print the catalogue, and the person's own models, as a table."""
    table = Table(title=f"Models in {models_folder}", title_justify="left")
    for heading in ("name", "kind", "languages", "size", "licence", "tier", "state", "hash", "note"):
        table.add_column(
            heading, justify="right" if heading == "size" else "left", overflow="fold", no_wrap=heading == "name"
        )
    colours = {"pulled": "green", "partial": "yellow", "missing": "dim"}
    for model in catalogue.models:
        state = state_of(model, models_folder)
        table.add_row(
            model.name, model.kind, ", ".join(model.languages), megabytes(model.size), model.licence, model.tier,
            f"[{colours[state]}]{state}[/]", "known" if model.is_pinned else "first pull's", model.note,
        )  # fmt: skip
    for name in own_models(catalogue, models_folder):
        table.add_row(name, "", "", "", "", "yours", "[green]here[/]", "none", "not in the catalogue, taken on trust")
    Console(width=None if sys.stdout.isatty() else WIDTH_IN_A_PIPE).print(table)
