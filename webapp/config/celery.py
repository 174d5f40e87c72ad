"""The Celery application: it carries bells, no work. A worker process of it is an agent."""

import os

from celery import Celery

from webapp.config.agent_step import AgentStep

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "webapp.config.settings")

app = Celery("atelier")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks(["webapp.runs"])
app.steps["worker"].add(AgentStep)
