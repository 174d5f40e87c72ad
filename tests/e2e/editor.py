"""Page object: the editor's words and gestures, so that tests read as what a person does."""

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from playwright.sync_api import ConsoleMessage, Locator, Page, WebSocket, expect

# Two busy cores: a run of the demo model takes seconds, a cold start of torch some more.
RUN_TIMEOUT_MS = 90_000
PREVIEW_CHANNEL = 2


@dataclass(frozen=True)
class Heard:
    """What came over the websocket, in order."""

    events: list[dict[str, object]] = field(default_factory=list)
    previews: list[bytes] = field(default_factory=list)

    def of_type(self, kind: str) -> list[dict[str, object]]:
        return [event for event in self.events if event["type"] == kind]


class Editor:
    """Drives one browser page. `complaints` collects console errors and failed requests."""

    def __init__(self, page: Page, url: str, folder: Path) -> None:
        self.page = page
        self.url = url
        self.folder = folder
        self.heard = Heard()
        self.complaints: list[str] = []
        page.on("websocket", self._listen)
        page.on("console", self._note)
        page.on("pageerror", lambda error: self.complaints.append(str(error)))

    def follow_login_link(self, link: str) -> None:
        """Sign in, and do the first owner's set-up where it is asked for."""
        self.page.goto(link)
        run = self.page.get_by_role("button", name="Run", exact=True)
        welcome = self.page.get_by_label("Password")
        expect(run.or_(welcome).first).to_be_visible()
        if welcome.first.is_visible():
            self.page.get_by_label("Name").fill("Ada")
            self.page.get_by_label("Email").fill("ada@example.org")
            welcome.first.fill("a long enough passphrase")
            self.page.get_by_role("button", name="Start").click()
        self.wait_until_ready()

    def wait_until_ready(self) -> None:
        expect(self.node("KSampler").first).to_be_visible()

    def node(self, class_type: str) -> Locator:
        return self.page.get_by_test_id(f"node-{class_type}")

    def set_value(self, class_type: str, widget: str, value: str) -> None:
        """Type a value into a node's widget."""
        box = self.node(class_type).first.get_by_label(widget, exact=True)
        box.click()
        field = self.node(class_type).first.get_by_role("textbox", name=widget, exact=True)
        field.fill(value)
        field.press("Enter")

    def set_prompt(self, text: str) -> None:
        """Write the positive prompt: the first text node of the default graph."""
        self.node("CLIPTextEncode").first.get_by_role("textbox").fill(text)

    def prompt_text(self) -> str:
        return self.node("CLIPTextEncode").first.get_by_role("textbox").input_value()

    def run(self) -> None:
        self.page.get_by_role("button", name="Run", exact=True).click()

    def wait_for_result(self) -> Locator:
        result = self.node("SaveImage").get_by_test_id("node-result").first
        expect(result).to_be_visible(timeout=RUN_TIMEOUT_MS)
        return result

    def filmstrip(self) -> Locator:
        return self.page.get_by_test_id("filmstrip-item")

    def drop(self, path: Path, media_type: str) -> None:
        """Drop a file on the empty canvas."""
        content = list(path.read_bytes())
        transfer = self.page.evaluate_handle(
            """([content, name, type]) => {
                const transfer = new DataTransfer();
                transfer.items.add(new File([new Uint8Array(content)], name, { type }));
                return transfer;
            }""",
            [content, path.name, media_type],
        )
        canvas = self.page.get_by_test_id("canvas")
        for event in ("dragenter", "dragover", "drop"):
            canvas.dispatch_event(event, {"dataTransfer": transfer, "clientX": 700, "clientY": 120})

    def wait_until(self, holds: Callable[[], bool], timeout_ms: int = 10_000) -> None:
        """Wait for something that the page does not show, letting its events come in meanwhile."""
        waited_ms = 0
        while not holds() and waited_ms < timeout_ms:
            self.page.wait_for_timeout(50)
            waited_ms += 50
        assert holds(), f"not so within {timeout_ms} ms"

    def _listen(self, socket: WebSocket) -> None:
        socket.on("framereceived", self._hear)

    def _hear(self, frame: str | bytes) -> None:
        if isinstance(frame, str):
            self.heard.events.append(json.loads(frame))
        elif frame[0] == PREVIEW_CHANNEL:
            self.heard.previews.append(frame)

    def _note(self, message: ConsoleMessage) -> None:
        if message.type == "error":
            self.complaints.append(message.text)
