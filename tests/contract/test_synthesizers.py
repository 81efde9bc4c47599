"""What every Synthesizer keeps, whether it is a tone, hibari or Piper."""

import re
from pathlib import Path
from statistics import mean
from threading import Thread

import jiwer
import numpy as np
import pytest

from bot.voice.opus import decode_packets
from config.settings import Settings
from tests.fakes.synthesizers import ToneSynthesizer
from workers.engines import Speech, Synthesizer
from workers.errors import EngineMisconfigured
from workers.registry import loader
from workers.text_to_speech.loudness import loudness_lufs
from workers.text_to_speech.measure import SENTENCES
from workers.text_to_speech.packets import spoken_packets

REAL = ("hibari", "piper")

SAYABLE = [
    "Haan yaar, tell me!",
    "A",
    "7",
    "₹500",
    "50% off at 7:30 pm on 12/11/2026",
    "See https://example.com/a?b=1&c=2 or mail me@example.com.",
    "क्या कर रही हो?",
    "कल मिलते हैं, okay?",
    "नमस्ते ₹५००",
    "你好",
    "привет",
    "مرحبا",
    "தமிழ்",
    "soooooooooooooooo funny",
    "a\x00b\x07c\u200b d",
    "half \ud800 a character",
    "𝓱𝓮𝓵𝓵𝓸",
    "ʘ",
    "1" * 40,
    "[[raw]] [link](/lˈɪŋk/) <speak>tag</speak> {brace}",
    "I ❤️ you 😀",
]
UNSAYABLE = ["", " ", "\n\t", "…", "...", "?!", "😀", "❤️ 👩‍👩‍👧 🇮🇳", "\x00\x07", "— “” ()"]


@pytest.fixture(scope="module")
def settings(models_folder: Path) -> Settings:
    return Settings(_env_file=None, priya_home=models_folder.parent)


@pytest.fixture(scope="module", params=["tone", *REAL])
def synthesizer(request: pytest.FixtureRequest, settings: Settings) -> Synthesizer:
    if request.param == "tone":
        return ToneSynthesizer()
    voice: Synthesizer = loader("synthesize", request.param)(settings)  # type: ignore[assignment]
    return voice


@pytest.fixture(scope="module", params=REAL)
def voice(request: pytest.FixtureRequest, settings: Settings) -> Synthesizer:
    loaded: Synthesizer = loader("synthesize", request.param)(settings)  # type: ignore[assignment]
    return loaded


def assert_wholesome(speech: Speech) -> None:
    assert speech.pcm.dtype == np.float32
    assert speech.pcm.ndim == 1
    assert 8_000 <= speech.rate_hz <= 48_000
    assert np.isfinite(speech.pcm).all()
    assert np.abs(speech.pcm).max(initial=0) <= 1


def rms(speech: Speech) -> float:
    return float(np.sqrt(np.mean(np.square(speech.pcm))))


def test_it_has_a_name(synthesizer: Synthesizer) -> None:
    assert synthesizer.name


def test_a_sentence_can_be_heard_and_does_not_clip(synthesizer: Synthesizer) -> None:
    for sentence in SENTENCES:
        speech = synthesizer.synthesize(sentence, language="en")
        assert_wholesome(speech)
        assert rms(speech) > 0.02
        assert np.mean(np.abs(speech.pcm) > 0.99) == 0


def test_longer_text_takes_longer(synthesizer: Synthesizer) -> None:
    one = "I was just thinking about you."
    lengths = [
        len(synthesizer.synthesize(text, language="en").pcm) / synthesizer.synthesize("Hi", language="en").rate_hz
        for text in ("Hi", one, f"{one} {one}", f"{one} {one} {one} {one}")
    ]
    assert lengths == sorted(lengths)
    assert 0.08 < lengths[0] < 1.5
    assert 0.8 < lengths[1] < 4
    assert lengths[3] > 3 * lengths[1]


@pytest.mark.parametrize("text", SAYABLE, ids=ascii)
def test_text_with_letters_or_digits_is_never_silent(synthesizer: Synthesizer, text: str) -> None:
    for language in ("en", "hi"):
        speech = synthesizer.synthesize(text, language=language)
        assert_wholesome(speech)
        assert speech.pcm.size > 0.05 * speech.rate_hz
        assert rms(speech) > 0.005


@pytest.mark.parametrize("text", UNSAYABLE, ids=ascii)
def test_text_with_nothing_to_say_gives_no_samples(synthesizer: Synthesizer, text: str) -> None:
    speech = synthesizer.synthesize(text, language="en")
    assert_wholesome(speech)
    assert speech.pcm.size == 0
    assert spoken_packets(speech) == ([], 0)


@pytest.mark.parametrize("text", ["word " * 120, "well, so; " * 60, "abcdef" * 100], ids=["words", "clauses", "run"])
def test_text_longer_than_a_model_takes_at_once_is_spoken_whole(synthesizer: Synthesizer, text: str) -> None:
    speech = synthesizer.synthesize(text, language="en")
    assert_wholesome(speech)
    assert len(speech.pcm) > 10 * speech.rate_hz


def test_it_can_be_called_from_another_thread_than_it_was_loaded_in(synthesizer: Synthesizer) -> None:
    spoken: list[Speech] = []
    for _ in range(2):
        thread = Thread(target=lambda: spoken.append(synthesizer.synthesize("Hello there.", language="en")))
        thread.start()
        thread.join()
    assert len(spoken) == 2
    assert all(rms(speech) > 0.02 for speech in spoken)


def test_it_writes_nothing_to_the_terminal(synthesizer: Synthesizer, capfd: pytest.CaptureFixture[str]) -> None:
    synthesizer.synthesize("Kya scene hai, ʘ ǃ привет 你好?", language="hi")
    assert capfd.readouterr() == ("", "")


def test_a_voice_starts_at_once_and_stops_when_it_is_done(voice: Synthesizer) -> None:
    for sentence in SENTENCES:
        speech = voice.synthesize(sentence, language="en")
        heard = np.flatnonzero(np.abs(speech.pcm) > 0.01) / speech.rate_hz
        assert heard[0] < 0.060
        assert len(speech.pcm) / speech.rate_hz - heard[-1] < 0.200


def test_edges_of_a_segment_do_not_click(voice: Synthesizer) -> None:
    for sentence in SENTENCES[:4]:
        pcm = voice.synthesize(sentence, language="en").pcm
        assert abs(pcm[0]) < 0.001
        assert abs(pcm[-1]) < 0.001


def test_no_peak_between_samples_passes_one_decibel_below_full_scale(voice: Synthesizer) -> None:
    import soxr

    for sentence in SENTENCES:
        speech = voice.synthesize(sentence, language="en")
        between = soxr.resample(speech.pcm, speech.rate_hz, 4 * 48_000)
        assert np.abs(between).max() <= 10 ** (-1 / 20)


def test_all_voices_are_equally_loud(settings: Settings) -> None:
    loudness = {}
    for name in REAL:
        voice: Synthesizer = loader("synthesize", name)(settings)  # type: ignore[assignment]
        spoken = [voice.synthesize(sentence, language="en") for sentence in SENTENCES]
        loudness[name] = mean(loudness_lufs(speech.pcm, speech.rate_hz) for speech in spoken)
    assert max(loudness.values()) - min(loudness.values()) < 1
    assert all(-21.5 < lufs < -18.5 for lufs in loudness.values())


@pytest.mark.parametrize("name", REAL)
def test_a_worker_that_starts_again_says_it_the_same_way(name: str, settings: Settings) -> None:
    first, second = (
        loader("synthesize", name)(settings).synthesize("Tell me more.", language="en")  # type: ignore[attr-defined]
        for _ in range(2)
    )
    assert len(first.pcm) == len(second.pcm)
    np.testing.assert_allclose(first.pcm, second.pcm, atol=1e-3)


def test_what_was_said_is_what_whisper_hears_after_opus(voice: Synthesizer, settings: Settings) -> None:
    from faster_whisper import WhisperModel

    whisper = WhisperModel(str(settings.models_folder / "whisper-base"), device="cpu", compute_type="int8")
    said = [
        "I was just thinking about you.",
        "You should totally come over on Friday.",
        "We can watch that movie together, and I will bring the snacks.",
        "It was raining all day, so I stayed in bed with a good book until evening.",
    ]
    heard = []
    for sentence in said:
        packets, milliseconds = spoken_packets(voice.synthesize(sentence, language="en"))
        assert milliseconds == 20 * len(packets)
        pcm = decode_packets(packets, 16_000).astype(np.float32) / 32768
        segments, _ = whisper.transcribe(pcm, language="en", beam_size=1)
        heard.append(" ".join(segment.text for segment in segments))
    assert jiwer.wer([words(text) for text in said], [words(text) for text in heard]) <= 0.1


def words(text: str) -> str:
    return re.sub(r"[^a-z ]", "", text.lower().replace("i'll", "i will")).strip()


def test_a_flipped_bit_in_pipers_voice_is_refused_by_name(tmp_path: Path, settings: Settings) -> None:
    folder = settings.models_folder / settings.piper_voice
    copy = tmp_path / "models" / settings.piper_voice
    copy.mkdir(parents=True)
    for file in folder.iterdir():
        content = bytearray(file.read_bytes())
        if file.suffix == ".onnx":
            content[len(content) // 2] ^= 1
        (copy / file.name).write_bytes(content)
    with pytest.raises(EngineMisconfigured, match=r"piper-en_US-joe-medium/en_US-joe-medium\.onnx"):
        loader("synthesize", "piper")(settings.model_copy(update={"priya_home": tmp_path}))


def test_a_flipped_bit_in_hibaris_voice_is_refused_by_name(
    tmp_path: Path, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    from hibari import voices

    content = bytearray((Path(voices.ASSETS) / "hibari.onnx").read_bytes())
    content[len(content) // 2] ^= 1
    (tmp_path / "hibari.onnx").write_bytes(content)
    monkeypatch.setattr(voices, "ASSETS", str(tmp_path))
    with pytest.raises(EngineMisconfigured, match=r"hibari\.onnx is damaged"):
        loader("synthesize", "hibari")(settings)


@pytest.mark.parametrize(
    ("engine", "changed", "reason"),
    [
        ("hibari", {"hibari_voice": "nobody"}, "unknown; there are: heart"),
        ("hibari", {"hibari_voice": "emma"}, "is not here; put bf_emma"),
        ("piper", {"piper_voice": "piper-xx_XX-nobody"}, "no model is called 'piper-xx_XX-nobody'"),
        ("piper", {"piper_voice": "whisper-tiny.en"}, r"must hold one \.onnx file"),
        ("piper", {"piper_voice": "../../etc"}, "not a model's name"),
    ],
)
def test_a_wrong_voice_is_refused_with_its_name_and_never_downloaded(
    engine: str,
    changed: dict[str, str],
    reason: str,
    settings: Settings,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("HIBARI_HOME", str(tmp_path))
    with pytest.raises(EngineMisconfigured, match=reason):
        loader("synthesize", engine)(settings.model_copy(update=changed))
    assert list(tmp_path.iterdir()) == []
