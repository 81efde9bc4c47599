"""Sound that means something: a tone for each phrase, an inner ear that takes any tone for speech, and a transcriber
that knows the tones. So a test can say words into a real voice channel without any model.

Workers use it by ``TRANSCRIBE_ENGINES=tests.fakes.pitched_speech:load_transcriber``. The synthesizer, named likewise,
can't say what has "mute" in it, and takes long for what has "wait" in it.
"""

import time
from typing import Final

import numpy as np
import numpy.typing as npt

from bot.voice.hearing import Hearing
from config.audio import SPOKEN_RATE_HZ
from config.emotions import NEUTRAL, Emotion
from config.settings import Settings
from tests.fakes.stages import ToneSynthesizer
from workers.engines import Pcm, Speech, Transcript
from workers.errors import EngineUnavailable

PHRASES: Final = {
    200: "on and on",  # the fake mind talks on and on
    300: "haan",
    400: "ruko",
    500: "sing something",
    600: "so he went home",
    700: "priya sing something",
    800: "haan haan",  # transcribed late
    900: "fail",
    1000: "",
    1200: "slow please",  # the fake mind takes two seconds to write
    1100: "mute",  # what the fake mouth can't say
}
PITCHES: Final = {text: pitch for pitch, text in PHRASES.items()}
LATE_SECONDS: Final = 2.5
WAIT_SECONDS: Final = 2.0
LOUD: Final = 0.02
"""Root mean square, -1 to 1: from here a window is speech."""


def spoken_pcm(text: str, seconds: float = 0.6) -> npt.NDArray[np.int16]:
    """A phrase as somebody says it, 48 kHz."""
    at = np.arange(round(seconds * SPOKEN_RATE_HZ)) / SPOKEN_RATE_HZ
    sound: npt.NDArray[np.int16] = (np.sin(2 * np.pi * PITCHES[text] * at) * 8000).astype(np.int16)
    return sound


class LoudIsSpeech:
    """A SpeechProbability for tones."""

    def __call__(self, window: npt.NDArray[np.float32]) -> float:
        return float(np.sqrt(np.mean(np.square(window))) > LOUD)

    def reset(self) -> None:
        """It remembers nothing."""


def hearing_of_tones() -> Hearing:
    return Hearing(LoudIsSpeech())


class PitchTranscriber:
    """Knows the phrases by their pitch."""

    name = "fake-pitch-ear"

    def transcribe(self, speech: Pcm, *, language: str | None = None) -> Transcript:
        if float(np.abs(speech).max(initial=0.0)) < LOUD:
            return Transcript("", language or "en", 1.0)
        spectrum = np.abs(np.fft.rfft(speech))
        pitch = float(np.argmax(spectrum)) * 16_000 / len(speech)
        text = PHRASES[min(PHRASES, key=lambda known: abs(known - pitch))]
        if text == "haan haan":
            time.sleep(LATE_SECONDS)
        return Transcript(text, language or "en", 1.0)


class MoodySynthesizer(ToneSynthesizer):
    """A tone as long as the text, unless told otherwise."""

    def synthesize(self, sentence: str, *, language: str, emotion: Emotion = NEUTRAL) -> Speech:
        if "mute" in sentence:
            raise EngineUnavailable(self.name, "told to be mute")
        if "wait" in sentence:
            time.sleep(WAIT_SECONDS)
        return super().synthesize(sentence, language=language, emotion=emotion)


def load_synthesizer(settings: Settings) -> MoodySynthesizer:
    return MoodySynthesizer()


def load_transcriber(settings: Settings) -> PitchTranscriber:
    return PitchTranscriber()
