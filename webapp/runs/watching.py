"""What a websocket client says, and which runs it asked for."""

from dataclasses import dataclass, field
from typing import Literal, TypeAlias
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter

MAX_SUBSCRIBED_RUNS = 1_000
MAX_ACKNOWLEDGED = 1_000


class _Message(BaseModel):
    model_config = ConfigDict(extra="forbid")


class Subscribe(_Message):
    """Hear of one's own runs, of all in the workspace, or of those named. Replaces an earlier one."""

    type: Literal["subscribe"]
    runs: Literal["mine", "all"] | list[UUID] = Field(union_mode="left_to_right")


class Ack(_Message):
    """So many preview frames more have been shown."""

    type: Literal["ack"]
    frames: int = Field(ge=1, le=MAX_ACKNOWLEDGED)


ClientMessage: TypeAlias = Subscribe | Ack
CLIENT_MESSAGE: TypeAdapter[ClientMessage] = TypeAdapter(ClientMessage)


@dataclass
class Watch:
    """Which runs a client asked for: none until it subscribes."""

    user_id: str
    _who: Literal["mine", "all"] | None = None
    _runs: frozenset[str] = field(default_factory=frozenset)

    def subscribe(self, message: Subscribe) -> None:
        """Watch what `message` names from now on."""
        if isinstance(message.runs, list):
            self._who, self._runs = None, frozenset(str(run) for run in message.runs[:MAX_SUBSCRIBED_RUNS])
        else:
            self._who, self._runs = message.runs, frozenset()

    def covers(self, run: str, owner: str) -> bool:
        """Whether the client wants to hear of this run."""
        return self._who == "all" or (self._who == "mine" and owner == self.user_id) or run in self._runs
