"""Django's settings, all derived from the environment class."""

from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import dj_database_url
from csp.constants import NONE, SELF

from webapp.common.limits import MAX_JSON_BYTES, MIN_PASSWORD_CHARS
from webapp.config.environment import BASE, Environment, read_or_make_secret

ENVIRONMENT = Environment()
DATA = ENVIRONMENT.data
PUBLIC_URL = ENVIRONMENT.own_url
MODELS_ROOT = ENVIRONMENT.models_root
# Where the service on this data folder is reached, while it runs: its port may not be the usual one.
ADDRESS_FILE = DATA / "address"
SECRET_KEY = ENVIRONMENT.secret_key or read_or_make_secret(DATA / "secret_key")
DEBUG = False

_public = urlsplit(PUBLIC_URL)
_is_https = _public.scheme == "https"
# Loopback names are allowed beside the public one; a foreign Host header is DNS rebinding.
ALLOWED_HOSTS = ["localhost", "127.0.0.1", "[::1]", *([_public.hostname] if _public.hostname else [])]
_loopback_origins = [f"http://{host}:{_public.port}" for host in ("localhost", "127.0.0.1", "[::1]")]
CSRF_TRUSTED_ORIGINS = [PUBLIC_URL]
WEBSOCKET_ORIGINS = [PUBLIC_URL, *(_loopback_origins if _public.port else [])]

INSTALLED_APPS = [
    "daphne",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "channels",
    "webapp.accounts",
    "webapp.workspaces",
    "webapp.assets",
    "webapp.workflows",
    "webapp.runs",
    "webapp.web",
    "webapp.config",
]
MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "webapp.web.headers.SecurityHeaders",
    "csp.middleware.CSPMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
]
ROOT_URLCONF = "webapp.config.urls"
ASGI_APPLICATION = "webapp.config.asgi.application"
TEMPLATES: list[dict[str, Any]] = [
    {"BACKEND": "django.template.backends.django.DjangoTemplates", "APP_DIRS": True, "OPTIONS": {}}
]
APPEND_SLASH = False

SQLITE: dict[str, Any] = {
    "ENGINE": "django.db.backends.sqlite3",
    "NAME": DATA / "atelier.sqlite3",
    "OPTIONS": {
        # Writers queue up at BEGIN instead of failing half-way through a transaction.
        "transaction_mode": "IMMEDIATE",
        "timeout": 20,
        "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL;",
    },
    "TEST": {"NAME": DATA / "test.sqlite3"},
}
DATABASES: dict[str, Any] = {
    "default": dj_database_url.parse(ENVIRONMENT.database_url, conn_max_age=60, conn_health_checks=True)
    if ENVIRONMENT.database_url
    else SQLITE
}
USE_TZ = True
TIME_ZONE = "UTC"

REDIS_URL = ENVIRONMENT.redis_url
CHANNEL_LAYERS: dict[str, Any] = {
    "default": {
        "BACKEND": "channels_redis.pubsub.RedisPubSubChannelLayer",
        # redis-py's default read timeout of 5 s would end every quiet subscription.
        "CONFIG": {"hosts": [{"address": REDIS_URL, "socket_timeout": None, "socket_connect_timeout": 5}]},
    }
    if REDIS_URL
    else {"BACKEND": "channels.layers.InMemoryChannelLayer"}
}

CELERY_BROKER_URL = REDIS_URL or "memory://localhost/"
CELERY_TASK_IGNORE_RESULT = True
CELERY_TASK_SERIALIZER = "json"
CELERY_ACCEPT_CONTENT = ["json"]
CELERY_TASK_DEFAULT_QUEUE = "gpu"
CELERY_WORKER_PREFETCH_MULTIPLIER = 1
CELERY_WORKER_HIJACK_ROOT_LOGGER = False
CELERY_WORKER_REDIRECT_STDOUTS = False
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
CELERY_BROKER_CONNECTION_MAX_RETRIES = None
CELERY_BROKER_TRANSPORT_OPTIONS = {"socket_connect_timeout": 3, "socket_keepalive": True}
# Without it every task closes its database connection first: several times slower on Postgres.
CELERY_DB_REUSE_MAX = 1000

AUTH_USER_MODEL = "accounts.User"
PASSWORD_HASHERS = ["django.contrib.auth.hashers.ScryptPasswordHasher"]
AUTH_PASSWORD_VALIDATORS = [
    {
        "NAME": "django.contrib.auth.password_validation.MinimumLengthValidator",
        "OPTIONS": {"min_length": MIN_PASSWORD_CHARS},
    },
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
    {"NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator"},
]
SESSION_COOKIE_NAME = "__Host-atelier" if _is_https else "atelier"
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = _is_https
SESSION_COOKIE_HTTPONLY = True
SESSION_COOKIE_SAMESITE = CSRF_COOKIE_SAMESITE = "Lax"
SECURE_CONTENT_TYPE_NOSNIFF = True
SECURE_REFERRER_POLICY = "same-origin"
SECURE_CROSS_ORIGIN_OPENER_POLICY = "same-origin"
X_FRAME_OPTIONS = "DENY"
CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": [NONE],
        "script-src": [SELF],
        "style-src": [SELF],
        "img-src": [SELF, "data:", "blob:"],
        "font-src": [SELF],
        "connect-src": [SELF],
        "worker-src": [SELF, "blob:"],
        "manifest-src": [SELF],
        "base-uri": [NONE],
        "form-action": [SELF],
        "frame-ancestors": [NONE],
    }
}

DATA_UPLOAD_MAX_MEMORY_SIZE = MAX_JSON_BYTES
FILE_UPLOAD_TEMP_DIR = None
MEDIA_ROOT = DATA / "assets"
STORAGES = {
    "default": {"BACKEND": "webapp.assets.storage.ContentAddressedStorage"},
    "staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"},
}
FRONTEND_DIST: Path = BASE / "frontend" / "dist"
STATIC_URL = "static/"

LOGGING: dict[str, Any] = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"line": {"format": "{asctime} {levelname} {name}: {message}", "style": "{"}},
    "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "line"}},
    "root": {"handlers": ["stderr"], "level": "INFO"},
    # A client's mistake has been answered; it is no news for whoever runs the service.
    "loggers": {"django.request": {"level": "ERROR"}},
}
