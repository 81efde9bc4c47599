"""``python -m workers.models``: list, pull and verify the models that Priya's engines load."""

import argparse
import signal
import sys
from pathlib import Path
from typing import Final, get_args

from config.catalogue import Catalogue, CatalogueError, Model, Tier, shipped_catalogue
from config.models import ModelRefused, faults, mend, verified_folder
from config.settings import SettingsError, load_settings
from workers.models.inventory import models_table, own_models, state_of
from workers.models.progress import megabytes, report_for_this_terminal
from workers.models.sources import PullFailed, Source

DONE: Final = 0
FAILED: Final = 1
MISUSED: Final = 2
INTERRUPTED: Final = 130

EXIT_CODES: Final = """exit status:
  0    all is well
  1    a model could not be pulled, or a file is not what it should be
  2    there is no such model, option or setting
  130  stopped with Ctrl-C or SIGTERM; what came so far is kept, and pull goes on from there
"""


class _Misused(Exception):
    """What was asked for makes no sense. The message says what would."""


def main(arguments: list[str] | None = None, *, catalogue: Catalogue | None = None) -> int:
    asked = _parser().parse_args(arguments)
    try:
        known = catalogue or shipped_catalogue()
        folder = load_settings().models_folder
        if asked.command == "pull":
            return _pull(known, folder, asked.names, asked.source)
        if asked.command == "verify":
            return _verify(known, folder, asked.names)
        return _list(known, folder)
    except (_Misused, SettingsError, CatalogueError) as error:
        print(error, file=sys.stderr)
        return MISUSED
    except KeyboardInterrupt:
        print("stopped", file=sys.stderr)
        return INTERRUPTED


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m workers.models", description=__doc__, epilog=EXIT_CODES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )  # fmt: skip
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("list", help="what there is, and what of it is here")
    pull = commands.add_parser("pull", help="download models and check them; repairs what is damaged")
    pull.add_argument("names", nargs="+", metavar="NAME", help="a model, or one of: starter, recommended")
    pull.add_argument(
        "--source", choices=get_args(Source), default="auto",
        help="auto (the default) asks the official address and takes the mirror when that doesn't answer",
    )  # fmt: skip
    verify = commands.add_parser("verify", help="hash every file that is here")
    verify.add_argument("names", nargs="*", metavar="NAME", help="a model or a tier; none: every model here")
    return parser


def _chosen(known: Catalogue, names: list[str]) -> list[Model]:
    """The models that were named, tiers opened up, each once, in the order asked for."""
    chosen: dict[str, Model] = {}
    for name in names:
        model = known.find(name)
        tier = next((tier for tier in get_args(Tier) if tier == name), None)
        if model is None and tier is None:
            raise _Misused(known.nearest(name))
        for each in (model,) if model else known.tier(tier or "starter"):
            chosen[each.name] = each
    return list(chosen.values())


def _pull(known: Catalogue, folder: Path, names: list[str], source: Source) -> int:
    from workers.models.pull import Puller  # brings httpx, which list and verify can do without

    models = _chosen(known, names)
    report = report_for_this_terminal()
    puller = Puller(folder, report, source)
    failed = False
    for model in models:
        try:
            fresh = puller.pull(model)
        except (PullFailed, ModelRefused) as error:
            print(error, file=sys.stderr)
            failed = True
        else:
            report.say(f"{model.name}: {'pulled' if fresh else 'already here'}, checked")
    return FAILED if failed else DONE


def _verify(known: Catalogue, folder: Path, names: list[str]) -> int:
    own = own_models(known, folder)
    models = _chosen(known, [name for name in names if name not in own])
    mine = [name for name in own if name in names or not names]
    if not names:
        models = [model for model in known.models if state_of(model, folder) != "missing"]
    if not models and not mine:
        print(f"no model is in {folder}; {mend('starter')}", file=sys.stderr)
        return FAILED
    complaints = [f"{fault}; {mend(model.name)}" for model in models for fault in faults(model, folder / model.name)]
    for name in mine:
        try:
            verified_folder(folder, name, catalogue=known)
        except ModelRefused as error:
            complaints.append(str(error))
    for complaint in complaints:
        print(complaint, file=sys.stderr)
    if not complaints:
        good = len(models) + len(mine)
        size = megabytes(sum(model.size for model in models))
        print(f"{good} model{'s' if good > 1 else ''} checked, {size}: all is well")
    return FAILED if complaints else DONE


def _list(known: Catalogue, folder: Path) -> int:
    models_table(known, folder)
    return DONE


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # so that pip stops and wheels are removed
    sys.exit(main())
