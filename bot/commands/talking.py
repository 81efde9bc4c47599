"""join, leave, talk, stop: what is done in a voice channel."""

from typing import Final

import nextcord
from nextcord.abc import Messageable

from bot.commands.caller import Caller, Refused, Reply
from bot.parts import Parts, Room, SpokenChannel
from bot.voice.joining import CannotJoin

LONGEST_TALK: Final = 1_000
"""Characters, about a minute of speech."""


async def join(caller: Caller, parts: Parts) -> Reply:
    server = caller.server
    channel = caller.voice_channel
    if channel is None:
        raise Refused("cannot_join_nowhere")
    room = parts.rooms.of(server.id)
    if room is not None and room.channel.id == channel.id:
        return caller.answer("already_here", channel=channel.mention)
    place = _announced_in(caller, channel)
    try:
        await parts.rooms.join(channel, place)
    except CannotJoin:
        raise
    except BaseException:
        # She is there, and could not tell that she listens, whatever it was that kept her from it.
        await parts.rooms.leave(server.id)
        raise
    return caller.answer("joined", channel=channel.mention)


def _announced_in(caller: Caller, channel: SpokenChannel) -> Messageable:
    """Where she says that she listens: where she was called, else in the channel's own chat. Raises Refused when she
    may write in neither, for nobody is to be listened to without having been told."""
    me = caller.server.me
    for place in (caller.channel, channel):
        if isinstance(place, nextcord.abc.GuildChannel | nextcord.Thread) and isinstance(place, Messageable):
            may = place.permissions_for(me)
            is_thread = isinstance(place, nextcord.Thread)
            if may.view_channel and (may.send_messages_in_threads if is_thread else may.send_messages):
                return place
    raise Refused("cannot_write")


async def leave(caller: Caller, parts: Parts) -> Reply:
    room = parts.rooms.of(caller.server.id)
    if room is not None:
        caller.require_voice(room.channel, speaks=False)
    return caller.answer("left" if await parts.rooms.leave(caller.server.id) else "not_here")


async def talk(caller: Caller, parts: Parts, text: str) -> Reply:
    room = _room(caller, parts, speaks=True)
    if not text.strip():
        raise Refused("talk_empty")
    if len(text) > LONGEST_TALK:
        raise Refused("too_long")
    await room.say(caller.who(room.channel.id), text.strip())
    return caller.answer("talk_started")


async def stop(caller: Caller, parts: Parts) -> Reply:
    return caller.answer("stopped" if await _room(caller, parts, speaks=False).stop() else "nothing_to_stop")


def _room(caller: Caller, parts: Parts, *, speaks: bool) -> Room:
    """Raises Refused when she is in no voice channel of this server, or in one that isn't the caller's to use."""
    room = parts.rooms.of(caller.server.id)
    if room is None:
        raise Refused("not_here")
    caller.require_voice(room.channel, speaks=speaks)
    return room
