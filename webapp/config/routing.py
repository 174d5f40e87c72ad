"""Where websockets go."""

from django.urls import path

from webapp.runs.consumers import RunConsumer

websocket_urlpatterns = [path("ws/workspaces/<slug:slug>", RunConsumer.as_asgi())]
