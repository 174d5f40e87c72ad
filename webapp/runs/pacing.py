"""Previews for a client that may be slow: few frames under way, and of what waits only the newest."""

from dataclasses import dataclass, field
from typing import TypeAlias

Key: TypeAlias = tuple[str, str]
MAX_UNDER_WAY = 2


@dataclass
class Pacer:
    """Frames of one socket. The client acknowledges what it has shown; without that nothing piles up here."""

    _waiting: dict[Key, bytes] = field(default_factory=dict)
    _under_way: int = 0

    def offer(self, key: Key, frame: bytes) -> list[bytes]:
        """Take a frame of (run, node), in place of one that still waits. Gives the frames to send now."""
        self._waiting.pop(key, None)
        self._waiting[key] = frame
        return self._due()

    def acknowledge(self, frames: int) -> list[bytes]:
        """The client has shown this many frames more. Gives the frames to send now."""
        self._under_way = max(0, self._under_way - max(0, frames))
        return self._due()

    def _due(self) -> list[bytes]:
        room = MAX_UNDER_WAY - self._under_way
        keys = list(self._waiting)[: max(0, room)]
        self._under_way += len(keys)
        return [self._waiting.pop(key) for key in keys]
