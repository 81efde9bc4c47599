"""Someone in a guild, and where they are in voice."""

from dataclasses import dataclass

from tests.discord.events import Json
from tests.discord.snowflakes import timestamp_of
from tests.discord.user import User


@dataclass(slots=True)
class VoiceState:
    """Where a member is in voice, and how."""

    channel_id: int
    session_id: str
    self_mute: bool = False
    self_deaf: bool = False
    suppress: bool = False
    """Audience of a stage: may not speak."""


@dataclass(slots=True, eq=False)
class Member:
    user: User
    guild_id: int
    nick: str | None = None
    voice: VoiceState | None = None

    @property
    def id(self) -> int:
        return self.user.id

    def payload(self) -> Json:
        return {
            "user": self.user.payload(),
            "nick": self.nick,
            "avatar": None,
            "roles": [],
            "joined_at": timestamp_of(self.user.id),
            "premium_since": None,
            "deaf": False,
            "mute": False,
            "flags": 0,
            "pending": False,
        }

    def voice_payload(self, *, with_member: bool = True) -> Json:
        """As in VOICE_STATE_UPDATE; a channel of null when the member is in none."""
        voice = self.voice
        payload: Json = {
            "guild_id": str(self.guild_id),
            "channel_id": str(voice.channel_id) if voice else None,
            "user_id": str(self.user.id),
            "session_id": voice.session_id if voice else "",
            "deaf": False,
            "mute": False,
            "self_deaf": bool(voice and voice.self_deaf),
            "self_mute": bool(voice and voice.self_mute),
            "self_video": False,
            "suppress": bool(voice and voice.suppress),
            "request_to_speak_timestamp": None,
        }
        return payload | ({"member": self.payload()} if with_member else {})
