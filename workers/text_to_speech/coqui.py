"""Coqui: voices that speak several languages, of which people make their own. An optional extra, ``coqui-tts``.

Imported here alone, inside ``load``: it takes seconds and 650 MB. A model is a folder with a ``config.json`` and its
weights. Nothing is ever downloaded, and nothing in a model is run: weights are read as numbers only, and its settings
may name no file outside of its folder.
"""

import json
import logging
import os
import threading
import warnings
from collections.abc import Callable, Iterator, Mapping
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Final, Protocol, cast

from config.models import ModelRefused, verified_folder
from config.settings import Settings
from workers.engines import Pcm
from workers.errors import EngineMisconfigured, EngineUnavailable
from workers.text_to_speech.expression import Knobs
from workers.text_to_speech.tongue import tongue
from workers.text_to_speech.voice import CalibratedVoice, Speak
from workers.text_to_speech.wording import NATIVE_SCRIPTS
from workers.waiting_threads import wait_briefly

NAME: Final = "coqui"
KINDS: Final = ("vits", "xtts")
"""Models that are known to read their weights as numbers. Others of the library unpickle whatever is in a file."""
WEIGHTS: Final = ("model.pth", "model_file.pth", "best_model.pth")
THREADS: Final = min(2, os.cpu_count() or 1)
"""More would take the cores that listening and thinking need."""
SEED: Final = 2023
"""Of its noise: a worker that starts again says the same things the same way."""


class _Names(Protocol):
    name_to_id: Mapping[str, Any]


class _Model(Protocol):
    """What we use of ``TTS.tts.models.base_tts.BaseTTS``."""

    language_manager: _Names | None
    speaker_manager: _Names | None
    length_scale: float

    synthesize: Callable[..., Mapping[str, Any]]


def load(settings: Settings) -> CalibratedVoice:
    """Loaded, measured and warm. Raises EngineUnavailable when coqui-tts is not installed or no model is named, and
    EngineMisconfigured when the model is missing, damaged or of a kind that we don't read."""
    if not settings.coqui_model:
        raise EngineUnavailable(NAME, f"COQUI_MODEL names no folder in {settings.models_folder}")
    if find_spec("TTS") is None:
        raise EngineUnavailable(NAME, "coqui-tts is not installed: it comes with requirements/extra-coqui.txt")
    try:
        folder = verified_folder(settings.models_folder, settings.coqui_model)
        described = described_by(folder)
        with _quietly():
            model, rate_hz = _open(folder, described)
    except ModelRefused as error:
        raise EngineMisconfigured(NAME, str(error)) from error
    except ImportError as error:
        raise EngineUnavailable(NAME, f"coqui-tts can't be imported ({error})") from error
    except Exception as error:
        raise EngineMisconfigured(NAME, f"can't load {settings.coqui_model}: {error!r}") from error
    languages = tuple(model.language_manager.name_to_id) if model.language_manager else ()
    own = "hi" if "hi" in map(_code, languages) else _code(languages[0]) if languages else "en"
    return CalibratedVoice(NAME, _speak_with(model, _speaker(model, settings.coqui_voice), languages), rate_hz, own)


def voices(settings: Settings) -> dict[str, Settings]:
    """Those in the models folder, by name, each with the settings that name it."""
    if find_spec("TTS") is None:
        return {}
    folders = sorted(path.parent for path in settings.models_folder.glob("*/config.json") if _weights(path.parent))
    return {folder.name: settings.model_copy(update={"coqui_model": folder.name}) for folder in folders}


def described_by(folder: Path) -> dict[str, Any]:
    """The model's settings, with every file that they name in the folder, and without addresses: the library would
    fetch those. Raises ModelRefused.

    Published ones hold paths of the machine that they were trained on; a file of that name lies beside them."""
    file = folder / "config.json"
    try:
        described = json.loads(file.read_text("utf-8"))
    except (OSError, ValueError) as error:
        raise ModelRefused(f"{folder.name}/config.json can't be read ({error})") from error
    if not isinstance(described, dict) or described.get("model") not in KINDS:
        raise ModelRefused(f"{folder.name} is no model of a kind that is read here: {', '.join(KINDS)}")
    return cast("dict[str, Any]", _kept_inside(described, folder))


def _kept_inside(value: object, folder: Path, name: str = "") -> object:
    if isinstance(value, dict):
        return {key: _kept_inside(each, folder, key) for key, each in value.items()}
    if isinstance(value, list):
        return [_kept_inside(each, folder, name) for each in value]
    if isinstance(value, str) and value and name.endswith(("_path", "_file", "_checkpoint", "_dir")):
        beside = folder / Path(value).name
        return str(beside) if beside.exists() and "://" not in value else None
    return "" if isinstance(value, str) and "://" in value else value


def _weights(folder: Path) -> Path | None:
    return next((folder / name for name in WEIGHTS if (folder / name).is_file()), None)


def _open(folder: Path, described: Mapping[str, Any]) -> tuple[_Model, int]:
    """Raises ModelRefused, and whatever the library raises for a model that it can't read."""
    weights = _weights(folder)
    if weights is None:
        raise ModelRefused(f"{folder.name} holds none of {', '.join(WEIGHTS)}")
    wait_briefly()
    import_torchaudio()
    import torch
    from TTS.config import register_config
    from TTS.tts.models import setup_model

    logging.getLogger("TTS").setLevel(logging.ERROR)
    torch.set_num_threads(THREADS)
    torch.manual_seed(SEED)
    config = register_config(described["model"])()
    config.from_dict(dict(described))
    model = setup_model(config=config)
    if described["model"] == "xtts":
        model.load_checkpoint(config, checkpoint_dir=folder, checkpoint_path=weights, eval=True)
    else:
        model.load_checkpoint(config, checkpoint_path=weights, eval=True)
    if torch.cuda.is_available():
        model.cuda()
    audio = config.audio
    return model, int(audio.get("output_sample_rate") or audio["sample_rate"])


def import_torchaudio() -> None:
    """Its last version was built for CUDA 13.0 and refuses a torch for a later one, though it asks for "2.11 or newer".
    Coqui uses what of it is written in torch itself, so the difference is kept from it while it looks."""
    import torch

    built_for, torch.version.cuda = torch.version.cuda, None
    try:
        import torchaudio  # noqa: F401 - imported for its check to be over
    finally:
        torch.version.cuda = built_for


def _speaker(model: _Model, wanted: str) -> str | None:
    """Raises EngineMisconfigured."""
    names = tuple(model.speaker_manager.name_to_id) if model.speaker_manager else ()
    if wanted and wanted not in names:
        raise EngineMisconfigured(
            NAME, f"COQUI_VOICE={wanted!r} is no speaker of this model; it has: {', '.join(names)}"
        )
    return wanted or next(iter(names), None)


def _speak_with(model: _Model, speaker: str | None, languages: tuple[str, ...]) -> Speak:
    scripts = {script: name for name in languages for script in NATIVE_SCRIPTS.get(_code(name), ())}
    by_code = {_code(name): name for name in reversed(languages)}
    usual = getattr(model, "length_scale", None)
    one_at_a_time = threading.Lock()  # the pace is the model's own state

    def speak(text: str, how: Knobs) -> Iterator[Pcm]:
        spoken = tongue(text, "en", scripts)
        language = spoken if spoken in languages else by_code.get(spoken, languages[0] if languages else None)
        language = language if len(languages) > 1 else None
        with one_at_a_time:
            pace: dict[str, float] = {}
            if usual is None:
                pace["speed"] = how.unpitched_rate
            else:
                model.length_scale = usual / how.unpitched_rate
            made = model.synthesize(text, speaker=speaker, language=language, **pace)["wav"]
        yield made.cpu().numpy() if hasattr(made, "cpu") else made

    return speak


def _code(language: str) -> str:
    """Of ``en-us`` or ``zh-cn``, the language alone."""
    return language.partition("-")[0].lower()


class _quietly(warnings.catch_warnings):  # noqa: N801 - a context, named for how things are done in it
    """The library and what it brings warn of their own future."""

    def __enter__(self) -> None:
        super().__enter__()
        warnings.simplefilter("ignore")
