"""Providers on loopback that do what a script says: real HTTP, good answers and every bad one.

``async with ProviderServer(says("Hello there.")) as server:`` opens one in the running loop, ``ServerThread`` keeps any
number in a thread; ``python -m tests.fakes.providers`` opens one to try by hand.
"""

from tests.fakes.providers.record import Ending, Exchange
from tests.fakes.providers.script import (
    Answer,
    Asked,
    Choose,
    Close,
    Fault,
    Finish,
    Gate,
    Pause,
    Raw,
    Reset,
    Say,
    Script,
    Silence,
    Step,
    Think,
    breaks_off,
    fails,
    goes_on,
    hangs_up,
    never_answers,
    raw,
    says,
    web_page,
    words,
)
from tests.fakes.providers.server import ProviderServer
from tests.fakes.providers.thread import ServerThread

__all__ = [
    "Answer",
    "Asked",
    "Choose",
    "Close",
    "Ending",
    "Exchange",
    "Fault",
    "Finish",
    "Gate",
    "Pause",
    "ProviderServer",
    "Raw",
    "Reset",
    "Say",
    "Script",
    "ServerThread",
    "Silence",
    "Step",
    "Think",
    "breaks_off",
    "fails",
    "goes_on",
    "hangs_up",
    "never_answers",
    "raw",
    "says",
    "web_page",
    "words",
]
