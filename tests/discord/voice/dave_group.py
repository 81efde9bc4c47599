"""DAVE in one call, the server's side."""

from tests.discord.events import Json
from tests.discord.voice.seat import Seat


class DaveGroup:
    version = 0

    async def enter(self, seat: Seat) -> None:
        return

    async def leave(self, seat: Seat) -> None:
        return

    def version_with(self, seat: Seat) -> int:
        return 0

    async def receive(self, seat: Seat, op: int, data: Json) -> None:
        return

    async def receive_binary(self, seat: Seat, op: int, payload: bytes) -> None:
        return
