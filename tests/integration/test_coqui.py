"""Coqui's own library, speaking with a model that nobody trained."""

import json
import os
import pickle
import subprocess
import sys
import warnings
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from config.emotions import NEUTRAL, load_emotions
from config.settings import Settings
from tests.fakes.coqui_models import SPEAKERS, make_vits
from workers.engines import Speech
from workers.errors import EngineMisconfigured, EngineUnavailable
from workers.registry import loader, voices_of
from workers.text_to_speech import coqui
from workers.text_to_speech.loudness import TARGET_LUFS, loudness_lufs
from workers.text_to_speech.voice import CalibratedVoice

ENGLISH, HINDI = "Hello there, how are you today?", "नमस्ते, आज कैसी हो तुम?"


@pytest.fixture(autouse=True)
def its_own_warnings() -> Iterator[None]:
    """What the library warns of while it speaks is its own affair."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    home = tmp_path_factory.mktemp("coqui")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        coqui.import_torchaudio()
        make_vits(home / "models" / "tiny")
    return home


def settings(home: Path, model: str = "tiny", **fields: str) -> Settings:
    return Settings(_env_file=None, priya_home=home, coqui_model=model, **fields)  # type: ignore[arg-type]


@pytest.fixture(scope="module")
def voice(home: Path) -> CalibratedVoice:
    return coqui.load(settings(home))


def test_it_speaks_each_of_its_languages(voice: CalibratedVoice) -> None:
    for sentence in (ENGLISH, HINDI, "Kya kar rahi ho yaar?", "7:30, okay?"):
        speech = voice.synthesize(sentence, language="en")
        assert speech.pcm.dtype == np.float32
        assert np.isfinite(speech.pcm).all()
        assert 0.1 * speech.rate_hz < speech.pcm.size < 10 * speech.rate_hz
        assert np.abs(speech.pcm).max() <= 1
    assert (voice.name, voice.rate_hz) == ("coqui", 16_000)


def test_it_is_as_loud_as_the_other_voices(voice: CalibratedVoice) -> None:
    speech = voice.synthesize(ENGLISH, language="en")

    assert abs(loudness_lufs(speech.pcm, speech.rate_hz) - TARGET_LUFS) < 6  # noise has no even voice


def test_the_letters_choose_the_language(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    voice = coqui.load(settings(home))
    asked: list[str | None] = []
    from TTS.tts.models.vits import Vits

    said = Vits.synthesize

    def listened(self: object, text: str, **how: object) -> object:
        asked.append(str(how["language"]))
        return said(self, text, **how)

    monkeypatch.setattr(Vits, "synthesize", listened)
    voice = coqui.load(settings(home))
    asked.clear()
    for sentence in (ENGLISH, HINDI, "Kya kar rahi ho yaar?"):
        voice.synthesize(sentence, language="en")

    assert asked == ["en", "hi", "hi"]


def test_a_speaker_can_be_chosen(home: Path, voice: CalibratedVoice) -> None:
    second = coqui.load(settings(home, coqui_voice=SPEAKERS[1]))

    assert not same(voice.synthesize(ENGLISH, language="en"), second.synthesize(ENGLISH, language="en"))


def test_a_speaker_that_is_not_in_the_model_is_named(home: Path) -> None:
    with pytest.raises(EngineMisconfigured, match=r"'nobody'.*asha, bela"):
        coqui.load(settings(home, coqui_voice="nobody"))


def test_a_worker_that_starts_again_says_it_the_same_way(home: Path) -> None:
    first, second = (coqui.load(settings(home)).synthesize(ENGLISH, language="en") for _ in range(2))

    assert same(first, second)


def same(one: Speech, other: Speech) -> bool:
    return len(one.pcm) == len(other.pcm) and bool(np.allclose(one.pcm, other.pcm, atol=1e-3))


def test_an_emotion_changes_its_pace(voice: CalibratedVoice) -> None:
    emotions = load_emotions()
    sad, usual, excited = (
        len(speech.pcm) / speech.rate_hz
        for speech in (
            voice.synthesize(ENGLISH, language="en", emotion=emotion)
            for emotion in (emotions.find("sad"), NEUTRAL, emotions.find("excited"))
        )
    )

    assert sad > usual > excited


def test_without_the_package_it_says_what_to_install(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(coqui, "find_spec", lambda _: None)

    with pytest.raises(EngineUnavailable, match="extra-coqui"):
        coqui.load(settings(home))
    assert voices_of("coqui", settings(home)) == {}


def test_without_a_model_it_says_which_setting(home: Path) -> None:
    with pytest.raises(EngineUnavailable, match="COQUI_MODEL"):
        loader("synthesize", "coqui")(settings(home, model=""))


def test_a_model_that_is_not_there_is_named(home: Path) -> None:
    with pytest.raises(EngineMisconfigured, match="mine"):
        coqui.load(settings(home, model="mine"))


def test_a_model_without_weights_is_refused(home: Path, tmp_path: Path) -> None:
    folder = tmp_path / "models" / "mine"
    folder.mkdir(parents=True)
    (folder / "config.json").write_bytes((home / "models" / "tiny" / "config.json").read_bytes())

    with pytest.raises(EngineMisconfigured, match=r"none of model\.pth"):
        coqui.load(settings(tmp_path, model="mine"))


@pytest.mark.parametrize("written", ["{", "[]", '{"model": "bark"}', "{}"])
def test_a_model_of_another_kind_is_refused(tmp_path: Path, written: str) -> None:
    folder = tmp_path / "models" / "mine"
    folder.mkdir(parents=True)
    (folder / "config.json").write_text(written)
    (folder / "model.pth").write_bytes(b"")

    with pytest.raises(EngineMisconfigured, match="mine"):
        coqui.load(settings(tmp_path, model="mine"))


class Bomb:
    """Runs when it is unpickled."""

    def __init__(self, mark: Path) -> None:
        self.mark = mark

    def __reduce__(self) -> tuple[object, ...]:
        return os.mkdir, (str(self.mark),)


def test_weights_that_would_run_are_not_run(home: Path, tmp_path: Path) -> None:
    import torch

    folder = tmp_path / "models" / "mine"
    folder.mkdir(parents=True)
    (folder / "config.json").write_bytes((home / "models" / "tiny" / "config.json").read_bytes())
    torch.save({"model": Bomb(tmp_path / "ran")}, folder / "model.pth", pickle_module=pickle)

    with pytest.raises(EngineMisconfigured, match="can't load mine"):
        coqui.load(settings(tmp_path, model="mine"))
    assert not (tmp_path / "ran").exists()


def test_weights_that_were_cut_off_are_refused(home: Path, tmp_path: Path) -> None:
    folder = tmp_path / "models" / "mine"
    folder.mkdir(parents=True)
    for name in ("config.json", "model.pth"):
        content = (home / "models" / "tiny" / name).read_bytes()
        (folder / name).write_bytes(content if name == "config.json" else content[:-1000])

    with pytest.raises(EngineMisconfigured, match="can't load mine"):
        coqui.load(settings(tmp_path, model="mine"))


def test_a_model_names_no_file_outside_of_its_folder(tmp_path: Path) -> None:
    (tmp_path / "speakers.json").write_text("{}")
    (tmp_path / "config.json").write_text(
        json.dumps(
            {
                "model": "vits",
                "distributed_url": "tcp://localhost:54321",
                "model_args": {
                    "speakers_file": "/home/somebody/trained/here/speakers.json",
                    "d_vector_file": ["https://example.com/vectors.pth", "/etc/passwd"],
                    "speaker_encoder_model_path": "../../other.pth",
                },
            }
        )
    )

    described = coqui.described_by(tmp_path)

    assert described["distributed_url"] == ""
    assert described["model_args"] == {
        "speakers_file": str(tmp_path / "speakers.json"),
        "d_vector_file": [None, None],
        "speaker_encoder_model_path": None,
    }


def test_models_that_lie_here_can_be_asked_for(home: Path, tmp_path: Path) -> None:
    assert list(coqui.voices(settings(home))) == ["tiny"]
    assert coqui.voices(settings(home))["tiny"].coqui_model == "tiny"
    assert coqui.voices(settings(tmp_path)) == {}


def test_nobody_pays_for_it_who_does_not_use_it() -> None:
    looked = "import sys, workers.text_to_speech.coqui; print({'TTS', 'torch', 'torchaudio'} & set(sys.modules))"
    ran = subprocess.run([sys.executable, "-c", looked], capture_output=True, text=True, check=True)

    assert ran.stdout.strip() == "set()"
