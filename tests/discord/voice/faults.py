"""What a test can make the voice servers do wrong. Everything is right until it is set."""

from dataclasses import dataclass, field

from tests.discord.voice.network import Weather
from tests.discord.voice.transport import MODES


@dataclass(slots=True)
class VoiceFaults:
    """Shared by all voice servers; change it at any time."""

    downlink: Weather = field(default_factory=Weather)
    """On voice packets to clients."""
    uplink: Weather = field(default_factory=Weather)
    """On voice packets from clients."""
    lost_discoveries: int = 0
    """How many of the next IP discovery requests are never answered."""
    stray_before_discovery: bytes | None = None
    """A datagram that arrives before the answer to an IP discovery."""
    close_identify_with: list[int] = field(default_factory=list)
    """Close codes for the next IDENTIFYs, one each."""
    close_resume_with: list[int] = field(default_factory=list)
    """Close codes for the next RESUMEs, one each."""
    has_null_resumed: bool = True
    """Op 9 comes with ``d: null``, as Discord sends it; False for an empty object."""
    answers_heartbeats: bool = True
    modes: tuple[str, ...] = MODES
    """The encryption modes that are offered."""
    requires_dave: bool = False
    """Close clients that know no DAVE with 4017, as Discord does since 2026-03."""
    largest_dave_version: int = 1
    """0 turns end-to-end encryption off for calls that begin."""
    ignores_transitions: bool = False
    """Never send op 22, as when a member never gets ready."""
    sole_member_downgrades: bool = False
    """Turn encryption off for whoever is left alone in a call, so that the next one to come makes an upgrade."""
    broken_commits: int = 0
    """How many of the next commits and Welcomes reach real clients spoilt, so that they answer with op 31."""
