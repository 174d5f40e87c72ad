"""A real Postgres for tests: `TEST_POSTGRES_URL`, or one that the package pgserver brings."""

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import quote
from uuid import uuid4

import psycopg
import pytest


@contextmanager
def fresh_database() -> Iterator[str]:
    """The URL of an empty database, gone afterwards. Skips where there is no Postgres."""
    with _server() as server:
        name = f"atelier_{uuid4().hex}"
        with psycopg.connect(server, autocommit=True) as admin:
            admin.execute(f"CREATE DATABASE {name}")
        try:
            yield _named(server, name)
        finally:
            with psycopg.connect(server, autocommit=True) as admin:
                admin.execute(f"DROP DATABASE {name} WITH (FORCE)")


@contextmanager
def _server() -> Iterator[str]:
    if url := os.environ.get("TEST_POSTGRES_URL"):
        yield url
        return
    pgserver = pytest.importorskip("pgserver", reason="neither TEST_POSTGRES_URL nor pgserver is there")
    # Under root it runs as a user of its own, who cannot look into pytest's folders.
    with tempfile.TemporaryDirectory(prefix="atelier-postgres-") as folder:
        Path(folder).chmod(0o711)
        server = pgserver.get_server(Path(folder) / "data", cleanup_mode="stop")
        try:
            yield server.get_uri()
        finally:
            server.cleanup()


def _named(server: str, name: str) -> str:
    """The same server's database `name`; a socket's folder goes where the host stands, as Django reads it."""
    parts = psycopg.conninfo.conninfo_to_dict(server)
    host, user, port = str(parts["host"]), str(parts.get("user", "postgres")), parts.get("port")
    password = f":{quote(str(parts['password']))}" if "password" in parts else ""
    return f"postgres://{user}{password}@{quote(host, safe='')}{f':{port}' if port else ''}/{name}"
