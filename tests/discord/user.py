"""A Discord account."""

from dataclasses import dataclass

from tests.discord.events import Json


@dataclass(slots=True, eq=False)
class User:
    id: int
    name: str
    is_bot: bool = False

    def payload(self) -> Json:
        return {
            "id": str(self.id),
            "username": self.name,
            "global_name": None if self.is_bot else self.name,
            "discriminator": "0",
            "avatar": None,
            "bot": self.is_bot,
            "public_flags": 0,
            "flags": 0,
        }
