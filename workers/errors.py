"""What can go wrong inside an engine, drawn once. The type says what is to be done about it.

EngineError
├── EngineUnavailable    not installed, model not pulled, crashed     another engine; this one rests
│   └── NoWords          ended without saying anything                another engine, unless all was said
├── EngineTimeout        no answer in time                            another engine; this one rests
├── EngineBusy           no free lane, or a provider's 429            another engine; this one rests
├── EngineMisconfigured  bad key, unknown model, refused file         another engine; out until mended
├── ModelRetired         a provider no longer has the model           its closest other model
└── BadInput             no engine can help with this                 stop, and say so
"""


class EngineError(Exception):
    """An engine could not do its work. ``code`` is for machines, the message for people."""

    code = "engine-failed"

    def __init__(self, engine: str, message: str) -> None:
        super().__init__(f"{engine}: {message}")
        self.engine = engine


class EngineUnavailable(EngineError):
    """Not installed, its model is not pulled, or it broke while working."""

    code = "engine-unavailable"


class NoWords(EngineUnavailable):
    """It ended well, but without a word."""

    code = "no-words"

    def __init__(self, engine: str, why: str = "") -> None:
        super().__init__(engine, f"an answer without words ({why})" if why else "an answer without words")


class EngineTimeout(EngineError):
    """It did not answer in the time it was given."""

    code = "engine-timeout"


class EngineBusy(EngineError):
    """It has no free lane now, or its provider asked us to slow down."""

    code = "engine-busy"

    def __init__(self, engine: str, message: str, retry_after_seconds: float | None = None) -> None:
        super().__init__(engine, message)
        self.retry_after_seconds = retry_after_seconds
        """When it may be asked again, if it said so."""


class EngineMisconfigured(EngineError):
    """A key, a model's name or a model's file is wrong: only a person can mend it."""

    code = "engine-misconfigured"


class ModelRetired(EngineError):
    """The provider is well, but no longer has the model."""

    code = "model-retired"


class BadInput(EngineError):
    """What it was given can't be worked on by any engine, for example speech that is no speech."""

    code = "bad-input"
