"""Looking after the house: what is nobody's turn. Runs on its own queue, so that it never delays one."""

import time

from loguru import logger

from tasks.app import app
from tasks.messages import Wire
from tasks.speech import rewrite_log
from tasks.workplace import workplace

QUEUES = ("transcribe", "generate", "synthesize", "upkeep")
FULL_ABOVE = 0.9


@app.task(name="look_after_house")
def look_after_house() -> Wire:
    """Log queue lengths and Redis's health once a minute, and warn before either loses anything."""
    redis = workplace("upkeep").redis
    queues = {name: redis.llen(name) for name in QUEUES}
    info = redis.info()
    used, limit = info["used_memory"], info["maxmemory"]
    line = logger.bind(stage="upkeep", success=True, queues=queues, redis_mb=used // 2**20)
    if limit and used > limit * FULL_ABOVE:
        line.warning("Redis is nearly full: {} of {} MB; give it more (maxmemory)", used // 2**20, limit // 2**20)
    if info.get("aof_enabled") and info.get("aof_last_write_status") != "ok":
        line.warning("Redis can't write its log: is the disk full? Conversations would be lost with it")
    if rewrite_log(redis):
        line.info("Redis's log is being written anew")
    line.info("House looked after")
    return {"queues": queues, "redis_bytes": used}


@app.task(name="hop")
def hop(sent_at: float) -> float:
    """Milliseconds that a task needs from being sent to being started; ``sent_at`` in epoch seconds."""
    return (time.time() - sent_at) * 1000
