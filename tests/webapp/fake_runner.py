"""A runner that paints nothing and reports everything: for what happens around the engine."""

import threading
from collections.abc import Callable
from dataclasses import dataclass, field

from engine import api as engine
from tests.webapp.pictures import make_png


@dataclass
class FakeRunner:
    """Does `steps` steps of node 3, then brings out one picture of node 9."""

    steps: int = 4
    raises: Exception | None = None
    # Set to let a run that waits in its first step go on.
    may_go_on: threading.Event = field(default_factory=threading.Event)
    is_waiting: threading.Event = field(default_factory=threading.Event)
    waits: bool = False
    runs: int = 0

    def run(
        self,
        graph: engine.Graph,
        *,
        scope: str,
        workflow: object | None,
        is_cancelled: Callable[[], bool],
        find_input: Callable[[str], engine.InputFile],
        on_event: Callable[[engine.Event], None],
    ) -> object:
        self.runs += 1
        if self.raises is not None:
            raise self.raises
        on_event(engine.NodeStarted("3"))
        for step in range(1, self.steps + 1):
            self._wait(is_cancelled)
            on_event(engine.Progress("3", step, self.steps))
            on_event(engine.Preview("3", b"\xff\xd8 step %d" % step, 8, 8))
        on_event(engine.NodeFinished("3", 0.1))
        on_event(engine.Output("9", 0, self._picture(), cached=False))
        return None

    def _wait(self, is_cancelled: Callable[[], bool]) -> None:
        self.is_waiting.set()
        while self.waits and not self.may_go_on.wait(0.01):
            if is_cancelled():
                raise engine.Cancelled
        if is_cancelled():
            raise engine.Cancelled

    def _picture(self) -> engine.OutputFile:
        return engine.OutputFile(
            "output", "image", "cat", ".png", "image/png", make_png(seed=self.runs), 2, 2
        )
