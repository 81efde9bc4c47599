"""What every worker process owns: its connections, and who it is. One per process. Engines: ``tasks/engines.py``."""

from dataclasses import dataclass

from redis import Redis

from config.settings import Settings, load_settings
from tasks.cancellation import CancelledTurns
from tasks.connections import connect
from tasks.messages import StageName
from tasks.presence import Presence
from tasks.replies import Replies

HANGING_AFTER_DEADLINE_SECONDS = 15.0


@dataclass(frozen=True, slots=True)
class Workplace:
    settings: Settings
    redis: Redis
    replies: Replies
    cancelled: CancelledTurns
    presence: Presence


def open_workplace(settings: Settings, stage: StageName) -> Workplace:
    """Connect, start listening for cancellations and start saying that this worker is alive."""
    redis = connect(settings.broker_url)
    presence = Presence(redis, stage, longest_task_seconds=settings.request_timeout + HANGING_AFTER_DEADLINE_SECONDS)
    cancelled = CancelledTurns(redis)
    cancelled.__enter__()
    presence.start()
    return Workplace(settings, redis, Replies(redis), cancelled, presence)


_open: dict[StageName, Workplace] = {}


def workplace(stage: StageName) -> Workplace:
    """This process's workplace. ``python -m tasks.worker`` opens it before the first task; ``celery -A tasks.app worker
    --include tasks.STAGE`` may be started without it, and then the first task does."""
    if stage not in _open:
        _open[stage] = open_workplace(load_settings(), stage)
    return _open[stage]
