"""Piper: any of its voices that lies in the models folder. piper-tts is GPL-3: it is imported here alone, inside
``load``, and so only by the process that synthesizes with it."""

import json
import logging
import os
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from config.models import ModelRefused, verified_folder
from config.settings import Settings
from workers.engines import Pcm
from workers.errors import EngineMisconfigured, EngineUnavailable
from workers.text_to_speech.expression import Knobs
from workers.text_to_speech.voice import CalibratedVoice, Speak

if TYPE_CHECKING:
    from piper import PiperVoice

NAME: Final = "piper"
HERS: Final = ("piper-en_US-amy-medium",)
"""Women's voices for English and Hinglish, which Priya speaks with rather than with a man's."""
THREADS: Final = min(2, os.cpu_count() or 1)
"""On quiet cores two are 1.8 times quicker than one; more would take those that listening and thinking need."""

SEED: Final = 2023
"""Of its noise: a worker that starts again says the same things the same way, and is measured the same."""


ROUNDED_UP: Final = 1.75
"""Each sound's length is rounded up to whole frames of 12 ms: a scale of 1.2 makes it 8 % quicker, one of 1.38 22 %.
This power of what is wanted comes within some 4 % of it between 0.8 and 1.25 times the usual pace."""


def load(settings: Settings) -> CalibratedVoice:
    """Loaded, measured and warm. Raises EngineUnavailable when piper-tts is not installed or can't phonemize,
    and EngineMisconfigured when the voice is missing, damaged or of a kind that we can't speak."""
    try:
        import piper  # noqa: F401 - is it installed?
    except ImportError as error:
        raise EngineUnavailable(NAME, f"piper-tts is not installed ({error})") from error
    voice = _first_whole(settings)
    # It warns of each phoneme that a voice does not know, once per sentence and into stderr.
    logging.getLogger("piper").setLevel(logging.ERROR)
    language = voice.config.espeak_voice.partition("-")[0]
    return CalibratedVoice(NAME, _speak_with(voice), voice.config.sample_rate, language)


def _first_whole(settings: Settings) -> "PiperVoice":
    """Raises EngineMisconfigured."""
    refusal: ModelRefused | None = None
    for name in preferred(settings):
        try:
            return _open(*_files(verified_folder(settings.models_folder, name)))
        except ModelRefused as error:
            refusal = error
    raise EngineMisconfigured(NAME, str(refusal)) from refusal


def preferred(settings: Settings) -> tuple[str, ...]:
    """The voice that somebody chose. Where nobody did, a woman's that was pulled comes before the starter's man."""
    is_chosen = "piper_voice" in settings.model_fields_set
    hers = () if is_chosen else (name for name in HERS if (settings.models_folder / name).is_dir())
    return (*hers, settings.piper_voice)


def voices(settings: Settings) -> dict[str, Settings]:
    """Those in the models folder, by name, each with the settings that name it. Whether a voice is whole and of
    a kind that we can speak shows when it is loaded."""
    if find_spec("piper") is None:
        return {}
    folders = sorted({path.parent.name for path in settings.models_folder.glob("*/*.onnx.json")})
    return {name: settings.model_copy(update={"piper_voice": name}) for name in folders}


def _files(folder: Path) -> tuple[Path, Path]:
    """The model and its description, whatever the voice is called. Raises ModelRefused."""
    models = sorted(folder.glob("*.onnx"))
    if len(models) != 1:
        raise ModelRefused(f"{folder.name} must hold one .onnx file, it holds {len(models)}")
    description = models[0].with_name(models[0].name + ".json")
    if not description.is_file():
        raise ModelRefused(f"{folder.name} lacks {description.name}")
    return models[0], description


def _open(model: Path, description: Path) -> "PiperVoice":
    """Raises ModelRefused."""
    import onnxruntime
    from piper import PiperVoice
    from piper.config import PhonemeType, PiperConfig

    onnxruntime.set_seed(SEED)
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = THREADS
    options.inter_op_num_threads = 1
    options.log_severity_level = 3
    # A thread that spins while it waits takes the core from the others: 1.5 times slower on a busy machine.
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    try:
        config = PiperConfig.from_dict(json.loads(description.read_text("utf-8")))
        session = onnxruntime.InferenceSession(str(model), options, providers=["CPUExecutionProvider"])
    except Exception as error:
        raise ModelRefused(f"{model.parent.name} can't be loaded: {error!r}") from error
    if config.phoneme_type not in (PhonemeType.ESPEAK, PhonemeType.TEXT):
        # The others fetch dictionaries of their own at run time, or need packages that we don't install.
        raise ModelRefused(f"{model.parent.name} needs {config.phoneme_type.value} phonemes, which we can't make")
    return PiperVoice(session=session, config=config, download_dir=model.parent)


def _speak_with(voice: "PiperVoice") -> Speak:
    from piper import SynthesisConfig

    own = voice.config

    def speak(text: str, how: Knobs) -> Iterator[Pcm]:
        config: Any = SynthesisConfig(
            length_scale=own.length_scale / how.unpitched_rate**ROUNDED_UP,
            noise_scale=own.noise_scale * how.noise,
            noise_w_scale=own.noise_w_scale * how.rhythm,
            # Its own normalization makes every sentence equally loud: a constant gain is ours to apply.
            normalize_audio=False,
        )
        for chunk in voice.synthesize(text, config):
            yield chunk.audio_float_array

    return speak
