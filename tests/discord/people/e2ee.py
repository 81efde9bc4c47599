"""A simulated person's end-to-end encryption."""

from tests.discord.events import Json


class PersonalDave:
    def __init__(self, seat: object) -> None:
        self.seat = seat

    async def begin(self, version: int) -> None: ...

    async def receive(self, op: int, data: Json) -> None: ...

    async def receive_binary(self, op: int, payload: bytes) -> None: ...

    def encrypt(self, opus: bytes) -> bytes:
        return opus

    def decrypt(self, user_id: int, payload: bytes) -> bytes | None:
        return payload
