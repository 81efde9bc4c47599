"""What the simulator's journal holds. Each is one thing that a client did, or that was done to it."""

from dataclasses import dataclass
from typing import Any

type Json = dict[str, Any]


@dataclass(frozen=True, slots=True)
class RequestMade:
    """A REST request, and what it was answered with."""

    method: str
    path: str
    status: int
    body: Any


@dataclass(frozen=True, slots=True)
class GatewayIdentified:
    session_id: str
    intents: int
    shard: tuple[int, int]


@dataclass(frozen=True, slots=True)
class GatewayResumed:
    session_id: str
    sequence: int


@dataclass(frozen=True, slots=True)
class GatewayHeartbeat:
    session_id: str | None
    answered: bool


@dataclass(frozen=True, slots=True)
class GatewayClosed:
    session_id: str | None
    code: int | None
    """The client's close code, when it was the client that closed."""


@dataclass(frozen=True, slots=True)
class VoiceStateChanged:
    guild_id: int
    user_id: int
    channel_id: int | None


@dataclass(frozen=True, slots=True)
class VoiceJoinIgnored:
    """A client asked to join where it may not. Discord answers nothing."""

    user_id: int
    channel_id: int
    reason: str


@dataclass(frozen=True, slots=True)
class MessagePosted:
    id: int
    channel_id: int
    author_id: int
    content: str
    nonce: str | None
    allowed_mentions: Json | None
    """As the client sent it; None when it sent none, which lets every mention ring."""
    payload: Json


@dataclass(frozen=True, slots=True)
class MessageEdited:
    id: int
    channel_id: int
    content: str


@dataclass(frozen=True, slots=True)
class MessageDeleted:
    id: int
    channel_id: int


@dataclass(frozen=True, slots=True)
class Typing:
    channel_id: int
    user_id: int


@dataclass(frozen=True, slots=True)
class CommandsRegistered:
    guild_id: int | None
    names: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class InteractionAnswered:
    """The first answer to a command or a pressed button."""

    interaction_id: int
    kind: int
    """4 message, 5 "is thinking", 6 seen, 7 update of the message, 8 autocomplete, 9 modal."""
    data: Json


@dataclass(frozen=True, slots=True)
class InteractionFollowed:
    """A further message to an interaction, or an edit of the first one (``is_edit``)."""

    interaction_id: int
    is_edit: bool
    data: Json


@dataclass(frozen=True, slots=True)
class NickChanged:
    guild_id: int
    user_id: int
    nick: str | None


@dataclass(frozen=True, slots=True)
class VoiceConnected:
    """A client has got its key (op 4): it can speak and listen."""

    user_id: int
    channel_id: int
    mode: str


@dataclass(frozen=True, slots=True)
class VoiceResumed:
    user_id: int
    seq_ack: int
    replayed: int


@dataclass(frozen=True, slots=True)
class VoiceClosed:
    user_id: int | None
    code: int | None


@dataclass(frozen=True, slots=True)
class VoiceMessage:
    """A message of a real client to the voice gateway."""

    user_id: int | None
    op: int
    data: Any


@dataclass(frozen=True, slots=True)
class DaveExecuted:
    """A transition that all were ready for (op 22), or that needed no waiting (transition 0)."""

    channel_id: int
    transition_id: int
    version: int
    epoch: int
    members: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class DaveRefused:
    """A client couldn't use a commit or welcome (op 31)."""

    user_id: int
    transition_id: int


@dataclass(frozen=True, slots=True)
class DiscoveryLost:
    """An IP discovery that a fault left unanswered."""

    user_id: int


@dataclass(frozen=True, slots=True)
class PacketReceived:
    """An RTP packet that a real client sent, opened."""

    user_id: int
    sequence: int
    timestamp: int
    payload: bytes


@dataclass(frozen=True, slots=True)
class PacketRefused:
    """A datagram of a real client that is none that Discord would pass on."""

    reason: str
    datagram: bytes
