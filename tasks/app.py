"""The Celery application. The bot sends tasks by name through it; only workers load their bodies."""

from celery import Celery

from tasks.broker import mend_kombu

mend_kombu()

app = Celery("priya", include=["tasks.transcribe", "tasks.generate", "tasks.synthesize", "tasks.upkeep"])
app.config_from_object("celeryconfig")
