"""The gateway's transport compression: one zlib stream for the life of a connection (``compress=zlib-stream``)."""

import zlib


class ZlibStream:
    """The sending side. Every message ends with a sync flush, so that it can be read at once."""

    def __init__(self) -> None:
        self._stream = zlib.compressobj()

    def compress(self, text: str) -> bytes:
        return self._stream.compress(text.encode()) + self._stream.flush(zlib.Z_SYNC_FLUSH)
