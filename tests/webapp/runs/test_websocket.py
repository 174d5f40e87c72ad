"""The websocket: who gets in, what they hear, and that slow clients are spared."""

import json
import struct
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import pytest
from asgiref.sync import sync_to_async
from channels.layers import get_channel_layer
from channels.testing import WebsocketCommunicator
from django.conf import settings

from tests.webapp.conftest import Caller
from tests.webapp.prompts import text_to_image
from webapp.config.asgi import application
from webapp.runs.agent import Agent
from webapp.runs.consumers import preview_frame
from webapp.runs.feed import event_message, group_of, preview_message
from webapp.workspaces.models import Membership, Workspace

pytestmark = pytest.mark.django_db(transaction=True)
Connect = Callable[..., Awaitable[WebsocketCommunicator]]
ORIGIN = settings.PUBLIC_URL


@pytest.fixture
async def connect() -> AsyncIterator[Connect]:
    """Opens a socket with a client's cookies; tells whether it was let in by `.accepted`."""
    opened: list[WebsocketCommunicator] = []

    async def connect(
        caller: Caller, origin: str | None = ORIGIN, slug: str = "north"
    ) -> WebsocketCommunicator:
        cookies = "; ".join(f"{name}={morsel.value}" for name, morsel in caller.client.cookies.items())
        headers = [(b"cookie", cookies.encode()), (b"host", b"127.0.0.1")]
        if origin is not None:
            headers.append((b"origin", origin.encode()))
        socket = WebsocketCommunicator(application, f"/ws/workspaces/{slug}", headers=headers)
        socket.accepted, _ = await socket.connect()
        opened.append(socket)
        return socket

    yield connect
    for socket in opened:
        await socket.disconnect()


async def subscribe(socket: WebsocketCommunicator, runs: object) -> None:
    assert json.loads(await socket.receive_from()) == {"type": "hello", "seq": 0}
    await socket.send_to(json.dumps({"type": "subscribe", "runs": runs}))
    assert await socket.receive_nothing(0.05)


async def say(workspace: Workspace, run: str, owner: object, event: dict[str, Any]) -> None:
    message = {**event_message(workspace.id, None, event), "run": run, "owner": str(owner)}
    await get_channel_layer().group_send(group_of(workspace.id), message)


async def show(workspace: Workspace, run: str, node: str, jpeg: bytes) -> None:
    message = {**preview_message(workspace.id, None, node, jpeg), "run": run}
    await get_channel_layer().group_send(group_of(workspace.id), message)


async def test_a_member_is_let_in(connect: Connect, as_bob: Caller) -> None:
    assert (await connect(as_bob)).accepted


async def test_a_stranger_is_not(connect: Connect, as_charlie: Caller) -> None:
    assert not (await connect(as_charlie)).accepted


async def test_nobody_is_let_in_without_signing_in(connect: Connect, as_nobody: Caller) -> None:
    assert not (await connect(as_nobody)).accepted


@pytest.mark.parametrize(
    "origin", [None, "null", "http://evil.example", "http://127.0.0.1:1", "https://127.0.0.1:8188"]
)
async def test_a_foreign_origin_is_refused(origin: str | None, connect: Connect, as_bob: Caller) -> None:
    assert not (await connect(as_bob, origin)).accepted


async def test_nothing_is_heard_before_subscribing(
    connect: Connect, as_bob: Caller, workspace: Workspace
) -> None:
    socket = await connect(as_bob)
    await socket.receive_from()
    await say(workspace, "r", "o", {"type": "node"})
    assert await socket.receive_nothing(0.1)


async def test_all_runs_are_heard(connect: Connect, as_bob: Caller, workspace: Workspace) -> None:
    socket = await connect(as_bob)
    await subscribe(socket, "all")
    await say(workspace, "r", "somebody", {"type": "node", "seq": 4})
    assert json.loads(await socket.receive_from()) == {"type": "node", "seq": 4}


async def test_one_hears_of_ones_own_runs_only(
    connect: Connect, as_bob: Caller, bob: Any, workspace: Workspace
) -> None:
    socket = await connect(as_bob)
    await subscribe(socket, "mine")
    await say(workspace, "r", "somebody", {"seq": 1})
    await say(workspace, "r", bob.pk, {"seq": 2})
    assert json.loads(await socket.receive_from()) == {"seq": 2}


async def test_a_new_subscription_replaces_the_former(
    connect: Connect, as_bob: Caller, workspace: Workspace
) -> None:
    run = "01900000-0000-7000-8000-000000000001"
    socket = await connect(as_bob)
    await subscribe(socket, "all")
    await socket.send_to(json.dumps({"type": "subscribe", "runs": [run]}))
    assert await socket.receive_nothing(0.05)
    await say(workspace, "another", "o", {"seq": 1})
    await say(workspace, run, "o", {"seq": 2})
    assert json.loads(await socket.receive_from()) == {"seq": 2}


@pytest.mark.parametrize(
    "message",
    [
        "[]",
        "null",
        "{",
        '{"type": "subscribe"}',
        '{"type": "ack", "frames": -1}',
        "[" * 5000,
        "x" * 70_000,
    ],
)
async def test_nonsense_ends_the_socket(message: str, connect: Connect, as_bob: Caller) -> None:
    socket = await connect(as_bob)
    await socket.receive_from()
    await socket.send_to(message)
    assert await socket.receive_output() == {"type": "websocket.close", "code": 4400}


async def test_previews_come_as_frames_of_an_announced_document(
    connect: Connect, as_bob: Caller, workspace: Workspace
) -> None:
    socket = await connect(as_bob)
    await subscribe(socket, "all")
    await show(workspace, "r", "3", b"JPEG")
    assert json.loads(await socket.receive_from()) == {"type": "preview_document", "number": 1, "run": "r"}
    frame = await socket.receive_from()
    channel, number, length = struct.unpack(">BIB", frame[:6])
    assert (channel, number, frame[6 : 6 + length], frame[6 + length :]) == (2, 1, b"3", b"JPEG")


async def test_a_client_that_acknowledges_nothing_gets_two_frames_then_the_newest(
    connect: Connect, as_bob: Caller, workspace: Workspace
) -> None:
    socket = await connect(as_bob)
    await subscribe(socket, "all")
    for number in range(5):
        await show(workspace, "r", "3", b"%d" % number)
    await socket.receive_from()
    frames = [await socket.receive_from(), await socket.receive_from()]
    assert frames == [preview_frame(1, "3", b"0"), preview_frame(1, "3", b"1")]
    assert await socket.receive_nothing(0.05)
    await socket.send_to(json.dumps({"type": "ack", "frames": 1}))
    assert await socket.receive_from() == preview_frame(1, "3", b"4")


async def test_somebody_who_is_a_member_no_longer_is_cut_off(
    connect: Connect, as_bob: Caller, bob: Any, workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    socket = await connect(as_bob)
    await subscribe(socket, "all")
    await Membership.objects.filter(user=bob).adelete()
    monkeypatch.setattr("webapp.runs.consumers.RECHECK_S", -1.0)
    await say(workspace, "r", "o", {"seq": 1})
    assert await socket.receive_output() == {"type": "websocket.close", "code": 4403}


async def test_a_run_is_heard_from_start_to_end_without_a_gap(
    connect: Connect, as_bob: Caller, agent: Agent
) -> None:
    socket = await connect(as_bob)
    await subscribe(socket, "mine")
    await sync_to_async(as_bob.post)("runs", {"prompt": text_to_image()})
    events = [json.loads(await socket.receive_from())]
    # Its events come over another event loop than this one: the in-memory layer serves each loop by itself.
    assert events[0]["run"]["status"] == "queued"
    assert events[0]["seq"] == events[0]["run"]["seq"] == 1
