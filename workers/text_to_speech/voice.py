"""What every voice has in common: text made sayable, one loudness, no silence around, errors of ours."""

from collections.abc import Callable, Iterator
from typing import Final

import numpy as np
from anyascii import anyascii

from config.emotions import NEUTRAL, Emotion
from workers.engines import Pcm, Speech
from workers.errors import EngineError, EngineUnavailable
from workers.text_to_speech.edges import joined, trimmed
from workers.text_to_speech.expression import UNMOVED, Knobs, knobs
from workers.text_to_speech.loudness import gain_to_target, limited
from workers.text_to_speech.wording import pieces, sayable

type Speak = Callable[[str, Knobs], Iterator[Pcm]]
"""The model itself: sayable text in, its sentences out, mono at the voice's rate. Of the knobs it follows those that
it has; of speed ``unpitched_rate``, since pitch is made here."""

CALIBRATION: Final = {
    "en": (
        "Hey, how was your day? I was just thinking about you.",
        "It rained so much this morning that I stayed in bed with a book.",
        "No way! Tell me everything, right now.",
        "Okay, let's meet at the corner shop at about seven o'clock.",
    ),
    "hi": (
        "अरे, तुम कैसे हो? मैं अभी तुम्हारे बारे में सोच रही थी।",
        "आज सुबह इतनी बारिश हुई कि मैं घर पर ही किताब पढ़ती रही।",
        "सच में? मुझे सब कुछ बताओ।",
        "ठीक है, शाम को सात बजे दुकान के पास मिलते हैं।",
    ),
}
"""What a voice says while it is measured. English is read by voices of any language well enough for that."""


class CalibratedVoice:
    """A Synthesizer around a model whose ``speak`` any thread may call."""

    def __init__(self, name: str, speak: Speak, rate_hz: int, language: str) -> None:
        """Speaks the calibration sentences, which warms the model up too. Raises EngineUnavailable.

        ``language`` is the voice's own (ISO 639-1), whatever it is asked to read."""
        self._name = name
        self._speak = speak
        self.rate_hz = rate_hz
        self.language = language
        sentences = CALIBRATION.get(language, CALIBRATION["en"])
        spoken = [self.raw(sentence) for sentence in sentences]
        try:
            self.gain = np.float32(gain_to_target(np.concatenate(spoken), rate_hz))
        except ValueError as error:
            raise EngineUnavailable(name, str(error)) from error
        self.synthesize(sentences[0], language=language)  # for the way behind the model

    @property
    def name(self) -> str:
        return self._name

    def synthesize(self, sentence: str, *, language: str, emotion: Emotion = NEUTRAL) -> Speech:
        """Trimmed, at the common loudness and limited. The script of ``sentence`` need not be the voice's:
        what it can't read it is given in Latin letters. Raises EngineUnavailable.

        Pitch costs nothing: the model speaks slower or quicker than it should, and its samples are played at another
        rate, which makes up for it. So ``rate_hz`` of emotional speech is an odd one."""
        text = sayable(sentence, self.language)
        how = knobs(emotion)
        pcm = self._spoken(text, how)
        if text and not pcm.size:
            # Letters such as phonetic signs are Latin by name, yet no voice knows them all.
            pcm = self._spoken(anyascii(text), how)
        if text and not pcm.size:
            raise EngineUnavailable(self._name, f"made no sound of {len(text)} characters")
        if how.energy_db:
            pcm = pcm * np.float32(10 ** (how.energy_db / 20))
        rate_hz = self._played_at(how)
        return Speech(limited(pcm, rate_hz), rate_hz)

    def _spoken(self, text: str, how: Knobs) -> Pcm:
        rate_hz = self._played_at(how)
        parts = (trimmed(self.raw(piece, how) * self.gain, rate_hz) for piece in pieces(text))
        return joined([part for part in parts if part.size], rate_hz)

    def _played_at(self, how: Knobs) -> int:
        return round(self.rate_hz * how.pitch_factor)

    def raw(self, text: str, how: Knobs = UNMOVED) -> Pcm:
        """What the model itself makes of sayable text: its own loudness, its own silences, at ``rate_hz``.

        Raises EngineUnavailable when the model breaks or gives no numbers."""
        try:
            spoken = [np.asarray(pcm, np.float32).reshape(-1) for pcm in self._speak(text, how)]
        except EngineError:
            raise
        except Exception as error:
            raise EngineUnavailable(self._name, f"broke while speaking: {error!r}") from error
        pcm = np.concatenate([np.empty(0, np.float32), *spoken])
        if not np.isfinite(pcm).all():
            raise EngineUnavailable(self._name, "gave samples that are not numbers")
        return pcm
