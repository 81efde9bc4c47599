"""A server: channels, members, and who may do what."""

from dataclasses import dataclass, field

from tests.discord.channel import Channel
from tests.discord.events import Json
from tests.discord.member import Member
from tests.discord.permissions import USUAL, Permission
from tests.discord.snowflakes import timestamp_of


@dataclass(slots=True, eq=False)
class Guild:
    id: int
    name: str
    owner_id: int
    channels: dict[int, Channel] = field(default_factory=dict)
    members: dict[int, Member] = field(default_factory=dict)
    everyone: Permission = USUAL

    def permissions_of(self, user_id: int, channel: Channel) -> Permission:
        """Discord's algorithm without roles: @everyone, its overwrite, the member's own."""
        if user_id == self.owner_id:
            return ~Permission.NONE
        allowed = self.everyone
        for target in (self.id, user_id):
            if overwrite := channel.overwrites.get(target):
                allowed = allowed & ~overwrite.deny | overwrite.allow
        return allowed if Permission.VIEW_CHANNEL in allowed else Permission.NONE

    def in_voice(self, channel_id: int) -> list[Member]:
        return [member for member in self.members.values() if member.voice and member.voice.channel_id == channel_id]

    def payload(self) -> Json:
        """As in GUILD_CREATE."""
        return self.rest_payload() | {
            "joined_at": timestamp_of(self.id),
            "large": False,
            "unavailable": False,
            "member_count": len(self.members),
            "voice_states": [
                member.voice_payload(with_member=False) for member in self.members.values() if member.voice
            ],
            "members": [member.payload() for member in self.members.values()],
            "channels": [channel.payload() for channel in self.channels.values()],
            "threads": [],
            "presences": [],
            "stage_instances": [],
            "guild_scheduled_events": [],
            "soundboard_sounds": [],
        }

    def rest_payload(self) -> Json:
        """As in GET /guilds/{id}."""
        return {
            "id": str(self.id),
            "name": self.name,
            "icon": None,
            "splash": None,
            "discovery_splash": None,
            "owner_id": str(self.owner_id),
            "afk_channel_id": None,
            "afk_timeout": 300,
            "verification_level": 0,
            "default_message_notifications": 1,
            "explicit_content_filter": 0,
            "roles": [self._everyone_payload()],
            "emojis": [],
            "stickers": [],
            "features": [],
            "mfa_level": 0,
            "application_id": None,
            "system_channel_id": None,
            "system_channel_flags": 0,
            "rules_channel_id": None,
            "max_members": 500_000,
            "vanity_url_code": None,
            "description": None,
            "banner": None,
            "premium_tier": 0,
            "premium_subscription_count": 0,
            "preferred_locale": "en-US",
            "public_updates_channel_id": None,
            "nsfw_level": 0,
            "premium_progress_bar_enabled": False,
        }

    def _everyone_payload(self) -> Json:
        return {
            "id": str(self.id),
            "name": "@everyone",
            "color": 0,
            "hoist": False,
            "icon": None,
            "unicode_emoji": None,
            "position": 0,
            "permissions": str(int(self.everyone)),
            "managed": False,
            "mentionable": False,
            "flags": 0,
        }
