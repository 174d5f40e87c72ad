"""All settings of the service, read from the environment here and nowhere else.

docs/reference/settings.md is generated from this class.
"""

import contextlib
import os
import secrets
from pathlib import Path

from pydantic import AliasChoices, Field
from pydantic_settings import BaseSettings, SettingsConfigDict

BASE = Path(__file__).resolve().parents[2]
DEFAULT_PORT = 8188


class Environment(BaseSettings):
    """What can be set from outside. Every field has an embedded default that serves one machine."""

    model_config = SettingsConfigDict(env_prefix="ATELIER_", env_ignore_empty=True, frozen=True)

    data: Path = Field(BASE / "data", description="Folder of the database, files, logs and secrets.")
    models: Path | None = Field(
        None, description="A models folder laid out as ComfyUI's. Default: `models` in the data folder."
    )
    public_url: str = Field(
        "",
        description="Address under which people reach the service: allowed host, CSRF and websocket origin, "
        "links. Default: the address that is listened on.",
    )
    bind: str = Field(
        "127.0.0.1",
        description=f"Host or host:port to listen on. Without a port: {DEFAULT_PORT}, or the next free one.",
    )
    secret_key: str = Field("", description="Key of signatures. Default: made once, kept in the data folder.")
    device: str = Field("auto", description="Device of this machine's agent: auto, cpu, cuda, cuda:1, ….")
    dtype: str = Field("auto", description="Precision of weights: auto, fp32, bf16, fp16.")
    cache_bytes: int = Field(2_000_000_000, ge=0, description="Memory for results that later runs can reuse.")
    pool_bytes: int = Field(
        0, ge=0, description="Memory for weights that stay loaded. 0: as the device allows."
    )
    worker_name: str = Field("", description="Name of the agent, unique in the service. Default: the host's.")
    heartbeat_s: float = Field(5, gt=0, description="Seconds between signs of life of an agent.")
    self_fence_s: float = Field(
        20, gt=0, description="Seconds without the database after which an agent stops its run."
    )
    lost_after_s: float = Field(
        30, gt=0, description="Seconds without a sign of life after which an agent's runs go on."
    )
    sweep_s: float = Field(
        3, gt=0, description="Seconds between two looks for lost agents and forgotten runs."
    )
    cancel_poll_s: float = Field(
        0.3, gt=0, description="Seconds between two looks whether a run was cancelled."
    )
    database_url: str = Field(
        "",
        validation_alias=AliasChoices("DATABASE_URL", "ATELIER_DATABASE_URL"),
        description="Postgres, as postgres://user:password@host/name. Default: SQLite in the data folder.",
    )
    redis_url: str = Field(
        "",
        validation_alias=AliasChoices("REDIS_URL", "ATELIER_REDIS_URL"),
        description="Redis or Valkey, 6.2 or later. Default: manage.py start brings its own.",
    )

    @property
    def models_root(self) -> Path:
        """The models folder."""
        return self.models or self.data / "models"

    @property
    def host(self) -> str:
        """The host to listen on."""
        return self.bind.rpartition(":")[0] or self.bind if _has_port(self.bind) else self.bind

    @property
    def port(self) -> int | None:
        """The port to listen on, if one is asked for."""
        return int(self.bind.rpartition(":")[2]) if _has_port(self.bind) else None

    @property
    def own_url(self) -> str:
        """The address that links begin with."""
        return (self.public_url or f"http://{self.host}:{self.port or DEFAULT_PORT}").rstrip("/")


def read_or_make_secret(path: Path) -> str:
    """The secret in `path`, made with the first call and readable for its owner only."""
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        draft = path.with_name(f"{path.name}.{os.getpid()}")
        draft.touch(mode=0o600)
        draft.write_text(secrets.token_urlsafe(50))
        # Several processes start at once: the first link wins and is whole.
        with contextlib.suppress(FileExistsError):
            os.link(draft, path)
        draft.unlink()
    return path.read_text().strip()


def _has_port(bind: str) -> bool:
    return bind.rpartition(":")[2].isdigit() and not bind.endswith("::1")
