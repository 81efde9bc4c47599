"""Instant engines for whole stages in real worker processes, told what to do by what they are given.

Name them in settings by path: ``LANGUAGE_ENGINES=tests.fakes.stages:load_chat_model``.
"""

import os
import signal
import time
import uuid
from collections.abc import Generator
from pathlib import Path
from typing import Final

import numpy as np

from config.audio import HEARD_RATE_HZ
from config.emotions import NEUTRAL, Emotion
from config.settings import Settings
from tests.fakes.engine_journal import note
from workers.engines import Conversation, Delta, Pcm, Speech, Transcript
from workers.errors import EngineUnavailable
from workers.speech_to_text.listener import check_utterance
from workers.text_to_speech.expression import knobs

TONE_RATE_HZ: Final = 24_000
SECONDS_A_LETTER: Final = 0.05
LONG_SECONDS: Final = 15.0
DRONE_SECONDS: Final = 200.0
VOICES: Final = ("fake-alto", "fake-bass")
"""Voices of the synthesizer besides its default one."""


class LevelTranscriber:
    """Hears how loud the speech is: a peak of 0.25 is "level 250"; silence is nothing. Long speech takes it a while."""

    name = "fake-ear"

    def transcribe(self, speech: Pcm, *, language: str | None = None) -> Transcript:
        check_utterance(self.name, speech)
        level = round(float(np.abs(speech).max(initial=0.0)) * 1000)
        note("hear", str(level))
        if len(speech) > LONG_SECONDS * HEARD_RATE_HZ:
            time.sleep(0.3)
        return Transcript(f"level {level}" if level else "", language or "en", 1.0)


class ObedientChatModel:
    """Does what the newest message says.

    ``slow ...``: a word every 50 ms, forty of them. ``vary ...``: the same, in other words each time. ``fail``:
    fails at once. ``break``: fails after a sentence. ``die``: takes its process with it. ``on ...``: talks on and
    on. ``only ...``: how it is felt, and no word. ``recall``: repeats what was said before. ``feel``: says one
    sentence happily and one sadly. ``language``: repeats the last line of what it was told about itself. Anything
    else: two sentences.
    """

    name = "fake-mind"

    def reply(self, conversation: Conversation) -> Generator[Delta]:
        asked = conversation.messages[-1].text
        note("think", asked)
        for text in self._texts(conversation):
            note("token", asked)
            yield Delta(text, self.name)

    def read_ahead(self, conversation: Conversation) -> None:
        note("ahead", " / ".join(message.text for message in conversation.messages[1:-1]))

    def _texts(self, conversation: Conversation) -> Generator[str]:
        asked = conversation.messages[-1].text
        match asked.split()[0]:
            case "slow":
                yield from slowly(conversation.answer_so_far)
            case "vary":
                yield from slowly(conversation.answer_so_far, last_word=uuid.uuid4().hex)
            case "fail":
                raise EngineUnavailable(self.name, "told to fail")
            case "only":
                yield "[laughing]"
            case "break":
                yield "That much I can say. "
                raise EngineUnavailable(self.name, "told to break")
            case "die":
                os.kill(os.getpid(), signal.SIGKILL)
            case "on":
                yield from (f"More of thing {number}. " for number in range(20))
            case "recall":
                said = [message.text for message in conversation.messages if message.role == "user"]
                yield f"You said: {' / '.join(said)}."
            case "language":
                yield f"I was told: {conversation.messages[0].text.splitlines()[-1]}"
            case "feel":
                yield from ("[hap", "py] I am so glad that you", " came. [sad] It rained all day yesterday.")
            case _:
                answer = f"You said {asked} to me. I am listening to you."
                yield answer.removeprefix(conversation.answer_so_far).lstrip()


def slowly(already_said: str, last_word: str = "number") -> Generator[str]:
    """Five sentences of eight words, going on behind those that were said already."""
    sentence = ("And", "this", "is", "a", "rather", "long", "sentence")
    words = [word for number in range(5) for word in (*sentence, f"{last_word}{number}.")]
    for word in words[len(already_said.split()) :]:
        time.sleep(0.05)
        yield f"{word} "


class ToneSynthesizer:
    """A tone as long as the text, and as quick as it is felt. A sentence with a "drone" in it is so long that encoding
    it takes more than a second."""

    def __init__(self, name: str = "fake-mouth") -> None:
        self.name = name

    def synthesize(self, sentence: str, *, language: str, emotion: Emotion = NEUTRAL) -> Speech:
        note("say", sentence)
        seconds = DRONE_SECONDS if "drone" in sentence else len(sentence) * SECONDS_A_LETTER / knobs(emotion).rate
        time_axis = np.arange(int(seconds * TONE_RATE_HZ), dtype=np.float32) / TONE_RATE_HZ
        return Speech((0.3 * np.sin(2 * np.pi * 220 * time_axis)).astype(np.float32), TONE_RATE_HZ)


class BreakableSynthesizer(ToneSynthesizer):
    """Hurried, and silent for good once the file that ``BREAKS_WITH`` names is there."""

    def synthesize(self, sentence: str, *, language: str, emotion: Emotion = NEUTRAL) -> Speech:
        if Path(os.environ["BREAKS_WITH"]).exists():
            raise EngineUnavailable(self.name, "told to break")
        spoken = super().synthesize(sentence, language=language)
        return Speech(spoken.pcm[: TONE_RATE_HZ // 5], spoken.rate_hz)


def load_breakable_synthesizer(settings: Settings) -> BreakableSynthesizer:
    return BreakableSynthesizer()


def load_transcriber(settings: Settings) -> LevelTranscriber:
    return LevelTranscriber()


def load_chat_model(settings: Settings) -> ObedientChatModel:
    return ObedientChatModel()


def load_synthesizer(settings: Settings) -> ToneSynthesizer:
    return ToneSynthesizer(settings.piper_voice if settings.piper_voice in VOICES else "fake-mouth")


def voices(settings: Settings) -> dict[str, Settings]:
    return {name: settings.model_copy(update={"piper_voice": name}) for name in VOICES}


ENVIRONMENT: Final = {
    "TRANSCRIBE_ENGINES": "tests.fakes.stages:load_transcriber",
    "LANGUAGE_ENGINES": "tests.fakes.stages:load_chat_model",
    "SYNTHESIZE_ENGINES": "tests.fakes.stages:load_synthesizer",
    "CACHED_SPEECH_MB": "0",
}
"""Settings of worker processes that use these engines."""
