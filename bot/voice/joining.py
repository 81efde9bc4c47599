"""Whether Priya may join a voice channel, as far as nextcord knows it. No I/O."""

from typing import Literal

import nextcord

type JoinRefusal = Literal["full", "no_permission", "no_speak", "stage", "gone", "busy", "timeout"]
"""Each has its phrase, ``cannot_join_...``."""


class CannotJoin(Exception):
    """She is not in the channel that she was asked to join, and ``reason`` says why."""

    def __init__(self, reason: JoinRefusal) -> None:
        super().__init__(reason)
        self.reason: JoinRefusal = reason


def refusal(channel: nextcord.abc.GuildChannel) -> JoinRefusal | None:
    """What stands in the way. Discord itself answers nothing to a join that it doesn't allow."""
    guild = channel.guild
    known = guild.get_channel(channel.id)
    if known is None:
        return "gone"
    if not isinstance(known, nextcord.VoiceChannel):
        return "stage"
    allowed = known.permissions_for(guild.me)
    if not (allowed.view_channel and allowed.connect):
        return "no_permission"
    if not allowed.speak:
        return "no_speak"
    others = sum(user_id != guild.me.id for user_id in known.voice_states)
    if known.user_limit and others >= known.user_limit and not allowed.move_members:
        return "full"
    return None
