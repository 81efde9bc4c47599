"""Find libopus and open it. Shared by the encoder in the worker and the decoder in the bot.

The system's library is preferred because its owner keeps it patched; without one, the copy inside
PyAV's wheel serves (PyAV itself is never imported: only its file is opened).
"""

import ctypes
from ctypes.util import find_library
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Final

NEEDED_VERSION: Final = (1, 3)
"""Oldest release whose in-band FEC and packet loss concealment we rely on (2018)."""

NEEDED_FUNCTIONS: Final = (
    "opus_encoder_create",
    "opus_encoder_destroy",
    "opus_encoder_ctl",
    "opus_encode_float",
    "opus_decoder_create",
    "opus_decoder_destroy",
    "opus_decoder_ctl",
    "opus_decode",
    "opus_packet_get_nb_samples",
    "opus_strerror",
)


class LibopusMissing(Exception):
    """There is no libopus that can be used. The message says what was tried and what to install."""


class OpusError(Exception):
    """libopus refused a call. The message is libopus's own."""


@cache
def libopus() -> ctypes.CDLL:
    """The library of this process, with its signatures declared. Calls release the GIL.

    Safe from any thread; each encoder and decoder made with it belongs to one thread at a time.
    Raises LibopusMissing."""
    refused: list[str] = []
    for candidate in _candidates():
        try:
            library = ctypes.CDLL(candidate)
            _declare(library)
        except (OSError, AttributeError) as error:
            refused.append(f"{candidate}: {error}")
            continue
        version = version_of(library)
        if version >= NEEDED_VERSION:
            return library
        refused.append(f"{candidate}: version {'.'.join(map(str, version))}")
    tried = "; ".join(refused) or "found none"
    raise LibopusMissing(
        f"no usable libopus >= {'.'.join(map(str, NEEDED_VERSION))} ({tried}); "
        "install Debian's libopus0, or the Python package av, which carries one"
    )


def check(library: ctypes.CDLL, result: int) -> int:
    """``result`` of an opus call when it is not an error. Raises OpusError."""
    if result < 0:
        raise OpusError(library.opus_strerror(result).decode())
    return result


def version_of(library: ctypes.CDLL) -> tuple[int, ...]:
    """(1, 6, 1) from ``libopus 1.6.1-fixed``; empty, which is less than any, when it can't be read."""
    text: str = library.opus_get_version_string().decode()
    number = text.removeprefix("libopus ").partition("-")[0]
    return tuple(int(part) for part in number.split(".") if part.isdigit())


def _candidates() -> list[str]:
    system = find_library("opus")
    return [*([system] if system else []), *map(str, _in_wheel("av"))]


def _in_wheel(package: str) -> list[Path]:
    """Shared libraries that a wheel repaired by auditwheel (``.libs``) or delocate (``.dylibs``) carries."""
    spec = find_spec(package)
    if spec is None or spec.origin is None:
        return []
    folder = Path(spec.origin).parent
    carried = (folder.parent / f"{package}.libs", folder / ".dylibs")
    return [file for place in carried for file in sorted(place.glob("libopus*"))]


def _declare(library: ctypes.CDLL) -> None:
    """Raises AttributeError when a function is missing. Variadic ``ctl`` takes its last argument untyped."""
    for name in NEEDED_FUNCTIONS:
        getattr(library, name).restype = ctypes.c_int
    pointer, number = ctypes.c_void_p, ctypes.c_int32
    library.opus_get_version_string.restype = ctypes.c_char_p
    library.opus_strerror.restype = ctypes.c_char_p
    library.opus_strerror.argtypes = [ctypes.c_int]
    library.opus_encoder_create.restype = pointer
    library.opus_encoder_create.argtypes = [number, ctypes.c_int, ctypes.c_int, pointer]
    library.opus_encoder_destroy.restype = None
    library.opus_encoder_destroy.argtypes = [pointer]
    library.opus_encode_float.argtypes = [pointer, pointer, ctypes.c_int, pointer, number]
    library.opus_decoder_create.restype = pointer
    library.opus_decoder_create.argtypes = [number, ctypes.c_int, pointer]
    library.opus_decoder_destroy.restype = None
    library.opus_decoder_destroy.argtypes = [pointer]
    library.opus_decode.argtypes = [pointer, ctypes.c_char_p, number, pointer, ctypes.c_int, ctypes.c_int]
    library.opus_packet_get_nb_samples.argtypes = [ctypes.c_char_p, number, number]
