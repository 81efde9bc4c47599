"""A place in a voice room, whoever sits there: a real client behind sockets, or a person of the simulation."""

from typing import Protocol

from tests.discord.events import Json
from tests.discord.voice.rtp import RtpPacket


class Seat(Protocol):
    @property
    def user_id(self) -> int: ...

    @property
    def ssrc(self) -> int: ...

    @property
    def max_dave_version(self) -> int: ...

    async def tell(self, op: int, data: Json) -> None:
        """A JSON message of the voice gateway."""

    async def tell_binary(self, op: int, payload: bytes) -> None:
        """A binary one (DAVE)."""

    def hear(self, packet: RtpPacket) -> None:
        """A voice packet of another seat."""
