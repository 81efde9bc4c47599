"""Speech to text as OpenAI and Groq offer it: ``POST /audio/transcriptions`` with a file, answered with segments and
what the decoder thought of them. Whether to believe it is judged as with a Whisper of our own.
"""

import io
import math
import re
import wave
from typing import Final

import httpx2 as httpx
import numpy as np
from pydantic import BaseModel, ConfigDict, ValidationError

from config.audio import HEARD_RATE_HZ
from config.phrases import guess_language
from config.providers import Access, HearProvider
from workers.cloud.whole import fetch, key_of
from workers.engines import Pcm, Transcript
from workers.errors import BadInput, EngineUnavailable
from workers.speech_to_text import languages, trust
from workers.speech_to_text.listener import check_utterance
from workers.speech_to_text.trust import Decoded, Verdict

MOST_BYTES: Final = 1 << 20
"""Of an answer. Thirty seconds of talk with all its tokens are some thirty thousand."""
UNKNOWN_CONFIDENCE: Final = 0.5
"""Of models that keep what they think to themselves."""
CLEAR_NO_SPEECH: Final = 0.3
CREDITS: Final = (
    "amara org", "subtitles by", "subtitled by", "captions by", "transcription by", "subscribe to my channel",
    "subscribe to our channel", "like and subscribe", "please subscribe",
)  # fmt: skip
"""Nobody says these to a friend."""
INVENTED: Final = frozenset((
    "you", "bye", "bye bye", "thank you", "thank you very much", "thank you so much", "thanks", "thanks for watching",
    "thank you for watching", "thank you so much for watching", "thank you for your attention", "see you next time",
    "i ll see you in the next video", "see you in the next video", "the end", "so", "okay", "oh", "hmm", "music",
    "applause", "धन्यवाद", "शुक्रिया", "देखने के लिए धन्यवाद",
))  # fmt: skip
"""People do say these, and clearly."""
_WORD: Final = re.compile(r"[\w\u0900-\u0963]+")


class Segment(BaseModel):
    """A stretch of a few seconds, and what the decoder thought of it."""

    model_config = ConfigDict(allow_inf_nan=False)

    text: str
    avg_logprob: float
    no_speech_prob: float = 0.0
    tokens: tuple[int, ...] = ()


class Answer(BaseModel):
    """What of the answer counts."""

    text: str
    language: str = ""
    """A name in English (``english``, ``Hindi``) or a code, by the provider's mood."""
    segments: tuple[Segment, ...] | None = None


async def transcribe(
    client: httpx.AsyncClient, access: Access[HearProvider], speech: Pcm, *, language: str | None = None
) -> Transcript:
    """What was said in ``speech``, 16 kHz and 30 s at most. Silence is not sent anywhere.

    When the provider hears a language that nobody here is taken to speak, it is asked once more with the likely one:
    Urdu is Hindi in letters that nobody reads, and a single word is Maori to Whisper. Raises EngineError, BadInput
    among them. Belongs to the cloud's event loop; cancelling closes the socket."""
    engine = access.row.name
    check_utterance(engine, speech)
    if language is not None and language not in languages.KNOWN:
        raise BadInput(engine, f"{language!r} is not the code of a language that Whisper knows")
    if not trust.may_hold_speech(speech):
        return Transcript("", language or languages.FALLBACK, 0.0, engine)
    file = _wav(speech)
    answer = await _ask(client, access, file, language)
    heard = language or languages.code_of(answer.language) or _written_in(answer.text)
    likely = language or languages.likely(heard, len(speech) / HEARD_RATE_HZ)
    if likely != heard and _judged(answer):
        answer = await _ask(client, access, file, likely)
    text = _judged(answer)
    return Transcript(text, likely, _confidence(answer) if text else 0.0, engine)


async def _ask(client: httpx.AsyncClient, access: Access[HearProvider], file: bytes, language: str | None) -> Answer:
    row, key = access.row, key_of(access)
    fields = {"model": row.model, "response_format": "verbose_json", "temperature": "0"}
    if language is not None:
        fields["language"] = language
    request = client.build_request(
        "POST",
        f"{access.base_url}/audio/transcriptions",
        headers={"accept-encoding": "identity", **({"authorization": f"Bearer {key}"} if key else {})},
        data=fields,
        files={"file": ("speech.wav", file, "audio/wav")},
    )
    answer = await fetch(client, request, engine=row.name, most_bytes=MOST_BYTES, hidden=(key,))
    try:
        return Answer.model_validate_json(answer.body)
    except ValidationError as error:
        wrong = {".".join(map(str, problem["loc"])) or "the answer" for problem in error.errors()}
        raise EngineUnavailable(row.name, f"not a transcript: {', '.join(sorted(wrong))}") from None


def _judged(answer: Answer) -> str:
    """The text that is believed: segments one by one for what is no speech, the whole for loops."""
    if not answer.segments:
        return answer.text.strip() if re.search(r"\w", answer.text) and not trust.is_loop(answer.text) else ""
    believed = [segment for segment in answer.segments if _is_believed(segment)]
    text = "".join(segment.text for segment in believed).strip()
    return "" if trust.is_loop(text) else text


def _is_believed(segment: Segment) -> bool:
    decoded = Decoded(segment.text, len(segment.tokens), segment.avg_logprob, segment.no_speech_prob, ended=True)
    return trust.judge(decoded, last=True) is Verdict.BELIEVED and not is_invented(decoded)


def is_invented(decoded: Decoded) -> bool:
    """Whether it is what large Whispers write over silence, and not said so clearly that somebody must have said it.

    Small ones know that they are guessing then, and their doubt is enough; large ones have seen too many subtitles."""
    words = " ".join(_WORD.findall(decoded.text.lower()))
    if any(credit in words for credit in CREDITS):
        return True
    clearly = decoded.mean_logprob >= trust.SURE_LOGPROB and decoded.no_speech <= CLEAR_NO_SPEECH
    return words in INVENTED and not clearly


def _written_in(text: str) -> str:
    return "hi" if guess_language(text) == "hi" else languages.FALLBACK


def _confidence(answer: Answer) -> float:
    """By the length of what each segment says."""
    believed = [segment for segment in answer.segments or () if _is_believed(segment)]
    if not believed:
        return UNKNOWN_CONFIDENCE
    weights = [max(1, len(segment.text)) for segment in believed]
    mean = float(np.average([segment.avg_logprob for segment in believed], weights=weights))
    return min(1.0, math.exp(min(0.0, mean)))


def _wav(speech: Pcm) -> bytes:
    """16 bits a sample: a second of speech is 32 kB."""
    samples = np.clip(speech * np.float32(32_767), -32_768, 32_767).astype("<i2")
    file = io.BytesIO()
    with wave.open(file, "wb") as wav:
        wav.setnchannels(1)
        wav.setsampwidth(2)
        wav.setframerate(HEARD_RATE_HZ)
        wav.writeframes(samples.tobytes())
    return file.getvalue()
