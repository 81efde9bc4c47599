"""Every Celery setting, each with its reason. ``tasks/app.py`` loads this module."""

from kombu.entity import Queue

from config.settings import load_settings

_settings = load_settings()

broker_url = _settings.broker_url
result_backend = _settings.broker_url

# One queue a stage, so that pools are sized and scaled apart and a slow stage never blocks another.
task_queues = [Queue(name) for name in ("transcribe", "generate", "synthesize", "upkeep")]
task_create_missing_queues = False

# JSON only, in and out: nothing on the broker can run code here.
task_serializer = result_serializer = "json"
accept_content = result_accept_content = ["json"]

# A task is done when it is done, not when it was taken: a killed worker's tasks come back.
task_acks_late = True
task_reject_on_worker_lost = True
# Only then does "late" mean "one at a time": a worker must not sit on tasks that an idle one could take.
worker_prefetch_multiplier = 1

# Results are for Flower and AsyncResult; what is live travels on reply streams.
result_expires = 300
task_track_started = False
task_store_errors_even_if_ignored = True
worker_send_task_events = True
task_send_sent_event = True

# Lives longer than any stage's deadline (REQUEST_TIMEOUT), or a running task would be started again on a live
# worker. It is only the backstop: the process that asked sends a lost turn again far earlier.
_visibility_seconds = max(60, int(_settings.request_timeout) + 15)
broker_transport_options = {
    "visibility_timeout": _visibility_seconds,
    # kombu sweeps every interval x throttle seconds; its defaults make that 100.
    "unacked_restore_interval": 1,
    "unacked_restore_throttle": 1,
    "unacked_mutex_expire": 5,
    # None by default: a frozen Redis would block a publisher for ever.
    "socket_timeout": 5,
    "socket_connect_timeout": 1,
    "socket_keepalive": True,
    "health_check_interval": 5,
}
result_backend_transport_options = {"visibility_timeout": _visibility_seconds}
redis_socket_timeout = 5.0
redis_socket_connect_timeout = 1.0
redis_retry_on_timeout = False
redis_socket_keepalive = True
redis_backend_health_check_interval = 5

# Workers start before or after Redis, and outlive its restarts.
broker_connection_retry_on_startup = True
broker_connection_max_retries = None
broker_connection_timeout = 1.0
# Late acks of a lost connection can't be delivered: stop such tasks' bookkeeping, let redelivery do its work.
worker_cancel_long_running_tasks_on_connection_loss = False

# loguru has the logs (config/logs.py).
worker_hijack_root_logger = False
worker_redirect_stdouts = False

# On SIGTERM: finish what is running, for this long, then give it back to the queue.
worker_soft_shutdown_timeout = 5.0
worker_enable_soft_shutdown_on_idle = False
worker_proc_alive_timeout = 120

# One clock for humans and logs.
enable_utc = True
timezone = "UTC"

# The upkeep pool looks after the house once a minute.
beat_schedule = {
    "look-after-the-house": {
        "task": "look_after_house",
        "schedule": 60.0,
        "options": {"queue": "upkeep", "expires": 30},
    },
}
