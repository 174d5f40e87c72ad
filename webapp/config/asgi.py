"""The ASGI application: HTTP and websockets. Loads no torch."""

import os

from channels.auth import AuthMiddlewareStack
from channels.routing import ProtocolTypeRouter, URLRouter
from channels.security.websocket import OriginValidator
from django.conf import settings
from django.core.asgi import get_asgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "webapp.config.settings")
http = get_asgi_application()

# These import models, so they come after Django is set up.
from webapp.config.routing import websocket_urlpatterns  # noqa: E402
from webapp.web.body_limit import BodyLimit  # noqa: E402

application = ProtocolTypeRouter(
    {
        "http": BodyLimit(http),
        # Cookies are sent with sockets from any page: the origin must be ours, and must be told.
        "websocket": OriginValidator(
            AuthMiddlewareStack(URLRouter(websocket_urlpatterns)), settings.WEBSOCKET_ORIGINS
        ),
    }
)
