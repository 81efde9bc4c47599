"""The Celery application, without a task of its own. Stages send to each other by name; the body of a stage is loaded
only by a worker of that stage (``--include``), which needs no library of another one."""

from celery import Celery

from tasks.broker import mend_kombu

mend_kombu()

app = Celery("priya")
app.config_from_object("celeryconfig")
