"""A place to write or to speak."""

from dataclasses import dataclass, field
from enum import IntEnum

from tests.discord.events import Json
from tests.discord.permissions import Permission
from tests.discord.user import User


class ChannelKind(IntEnum):
    TEXT = 0
    DIRECT = 1
    VOICE = 2
    STAGE = 13


@dataclass(slots=True)
class Overwrite:
    """What one role or member may or may not do in one channel."""

    allow: Permission = Permission.NONE
    deny: Permission = Permission.NONE
    is_member: bool = False


@dataclass(slots=True, eq=False)
class Channel:
    id: int
    kind: ChannelKind
    name: str = ""
    guild_id: int | None = None
    position: int = 0
    user_limit: int = 0
    """Most people in a voice channel; 0 is any number."""
    recipient: User | None = None
    """The person of a direct channel."""
    overwrites: dict[int, Overwrite] = field(default_factory=dict)

    @property
    def has_voice(self) -> bool:
        return self.kind in {ChannelKind.VOICE, ChannelKind.STAGE}

    def payload(self) -> Json:
        if self.recipient is not None:
            recipients = [self.recipient.payload()]
            return {"id": str(self.id), "type": int(self.kind), "recipients": recipients, "last_message_id": None}
        payload: Json = {
            "id": str(self.id),
            "type": int(self.kind),
            "guild_id": str(self.guild_id),
            "name": self.name,
            "position": self.position,
            "parent_id": None,
            "nsfw": False,
            "last_message_id": None,
            "rate_limit_per_user": 0,
            "permission_overwrites": [
                {
                    "id": str(target),
                    "type": int(overwrite.is_member),
                    "allow": str(int(overwrite.allow)),
                    "deny": str(int(overwrite.deny)),
                }
                for target, overwrite in self.overwrites.items()
            ],
        }
        if self.has_voice:
            return payload | {"bitrate": 64_000, "user_limit": self.user_limit, "rtc_region": None}
        return payload | {"topic": None}
