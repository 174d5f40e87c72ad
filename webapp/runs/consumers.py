"""The websocket of one browser tab: events of runs as JSON, previews as binary frames.

Frame: [u8 channel = 2][u32 big-endian document number][u8 length of the node id][node id, UTF-8][JPEG].
"""

import json
import logging
import struct
import time
from typing import Any

from channels.db import database_sync_to_async
from channels.exceptions import DenyConnection
from channels.generic.websocket import AsyncWebsocketConsumer
from pydantic import ValidationError

from webapp.accounts.models import User
from webapp.common.errors import DomainError
from webapp.common.strict_json import parse_json
from webapp.runs.feed import group_of
from webapp.runs.pacing import Pacer
from webapp.runs.watching import CLIENT_MESSAGE, Subscribe, Watch
from webapp.workspaces.models import Workspace
from webapp.workspaces.selectors import get_workspace

PREVIEW_CHANNEL = 2
MAX_CLIENT_MESSAGE_CHARS = 64_000
# Application codes (RFC 6455, 7.4.2).
BAD_MESSAGE = 4400
NO_LONGER_A_MEMBER = 4403
# How long somebody who has lost their membership may go on hearing.
RECHECK_S = 30.0
log = logging.getLogger(__name__)


class RunConsumer(AsyncWebsocketConsumer):  # type: ignore[misc]  # Channels has no types
    """Members of a workspace watch its runs."""

    user: User
    workspace: Workspace
    group: str | None = None

    async def connect(self) -> None:
        """Let members in; to everybody else the socket does not exist."""
        user = self.scope["user"]
        if not isinstance(user, User):
            raise DenyConnection
        self.user = user
        if not await self._is_member():
            raise DenyConnection
        self.watch = Watch(str(user.pk))
        self.pacer = Pacer()
        self.documents: dict[str, int] = {}
        self.group = group_of(self.workspace.pk)
        await self.channel_layer.group_add(self.group, self.channel_name)
        await self.accept()
        await self._send_event({"type": "hello", "seq": 0})

    async def disconnect(self, code: int) -> None:
        """Leave the group."""
        if self.group is not None:
            await self.channel_layer.group_discard(self.group, self.channel_name)

    async def receive(self, text_data: str | None = None, bytes_data: bytes | None = None) -> None:
        """Take a subscription or an acknowledgement; anything else ends the socket."""
        if text_data is None or len(text_data) > MAX_CLIENT_MESSAGE_CHARS:
            await self.close(BAD_MESSAGE)
            return
        try:
            message = CLIENT_MESSAGE.validate_python(parse_json(text_data.encode("utf-8", "surrogatepass")))
        except (ValidationError, DomainError):
            await self.close(BAD_MESSAGE)
            return
        if isinstance(message, Subscribe):
            self.watch.subscribe(message)
        else:
            await self._send_frames(self.pacer.acknowledge(message.frames))

    async def run_event(self, message: dict[str, Any]) -> None:
        """Something happened to a run."""
        if self.watch.covers(message["run"], message["owner"]) and await self._may_still_hear():
            await self._send_event(message["event"])

    async def run_preview(self, message: dict[str, Any]) -> None:
        """A run has a preview."""
        run = message["run"]
        if not self.watch.covers(run, message["owner"]) or not await self._may_still_hear():
            return
        number = await self._document_number(run)
        frame = preview_frame(number, message["node"], message["jpeg"])
        await self._send_frames(self.pacer.offer((run, message["node"]), frame))

    async def _document_number(self, run: str) -> int:
        """The number that stands for `run` in this socket's frames, announced before its first use."""
        if run not in self.documents:
            self.documents[run] = len(self.documents) + 1
            await self._send_event({"type": "preview_document", "number": self.documents[run], "run": run})
        return self.documents[run]

    async def _send_event(self, event: dict[str, Any]) -> None:
        await self.send(text_data=json.dumps(event))

    async def _send_frames(self, frames: list[bytes]) -> None:
        for frame in frames:
            await self.send(bytes_data=frame)

    async def _may_still_hear(self) -> bool:
        if time.monotonic() - self._checked_at_s < RECHECK_S or await self._is_member():
            return True
        await self.close(NO_LONGER_A_MEMBER)
        return False

    async def _is_member(self) -> bool:
        self._checked_at_s = time.monotonic()
        slug = self.scope["url_route"]["kwargs"]["slug"]
        try:
            self.workspace = await database_sync_to_async(get_workspace)(self.user, slug)
        except DomainError:
            return False
        return True


def preview_frame(number: int, node: str, jpeg: bytes) -> bytes:
    """A preview as it goes over the wire."""
    node_id = node.encode()[:255]
    return struct.pack(">BIB", PREVIEW_CHANNEL, number, len(node_id)) + node_id + jpeg
