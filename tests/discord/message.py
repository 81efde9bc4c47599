"""A message in a channel."""

from dataclasses import dataclass, field

from tests.discord.channel import Channel
from tests.discord.events import Json
from tests.discord.snowflakes import timestamp_of
from tests.discord.user import User

REPLY = 19
EPHEMERAL = 1 << 6
LOADING = 1 << 7
VOICE_MESSAGE = 1 << 13


@dataclass(slots=True, eq=False)
class Message:
    id: int
    channel: Channel
    author: User
    content: str
    nonce: str | None = None
    edited_at: str | None = None
    reply_to: "Message | None" = None
    mentions: list[User] = field(default_factory=list)
    attachments: list[Json] = field(default_factory=list)
    components: list[Json] = field(default_factory=list)
    embeds: list[Json] = field(default_factory=list)
    flags: int = 0
    extra: Json = field(default_factory=dict)
    """What an interaction's answer carries besides."""

    def payload(self, *, with_reply: bool = True) -> Json:
        payload: Json = {
            "id": str(self.id),
            "channel_id": str(self.channel.id),
            "type": REPLY if self.reply_to else 0,
            "content": self.content,
            "author": self.author.payload(),
            "timestamp": timestamp_of(self.id),
            "edited_timestamp": self.edited_at,
            "tts": False,
            "mention_everyone": False,
            "mentions": [user.payload() for user in self.mentions],
            "mention_roles": [],
            "attachments": self.attachments,
            "embeds": self.embeds,
            "components": self.components,
            "pinned": False,
            "flags": self.flags,
            **self.extra,
        }
        if self.channel.guild_id is not None:
            payload["guild_id"] = str(self.channel.guild_id)
        if self.nonce is not None:
            payload["nonce"] = self.nonce
        if self.reply_to is not None:
            payload["message_reference"] = {
                "message_id": str(self.reply_to.id),
                "channel_id": str(self.reply_to.channel.id),
                "guild_id": str(self.channel.guild_id) if self.channel.guild_id else None,
            }
            if with_reply:
                payload["referenced_message"] = self.reply_to.payload(with_reply=False)
        return payload
