"""The Celery application: it carries bells, no work."""

import os

from celery import Celery

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "webapp.config.settings")

app = Celery("atelier")
app.config_from_object("django.conf:settings", namespace="CELERY")
