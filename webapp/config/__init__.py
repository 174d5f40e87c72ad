"""The whole service put together: settings, urls, asgi, Celery, the supervisor."""
