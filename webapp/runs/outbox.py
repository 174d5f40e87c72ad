"""Sending from an agent: a thread with an event loop of its own, so that no broker can slow a sampler down.

Progress and previews are coalesced: what has not been sent when the next one comes is replaced by it.
"""

import asyncio
import logging
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, replace

from channels.layers import get_channel_layer
from redis.exceptions import RedisError

from webapp.runs.feed import Message

# A short run is delivered step by step; a long one at a rate that screens and people can use.
PROGRESS_BURST = 30
PROGRESS_A_SECOND = 10.0
PREVIEW_BURST = 6
PREVIEWS_A_SECOND = 5.0
# How often a message that waits for its turn is looked at.
TICK_S = 0.02
log = logging.getLogger(__name__)


class TokenBucket:
    """Allows a burst at once and `a_second` after it."""

    def __init__(self, burst: int, a_second: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._burst = burst
        self._a_second = a_second
        self._clock = clock
        self._tokens = float(burst)
        self._filled_at = clock()

    def take(self) -> bool:
        """Whether one more may go now."""
        now = self._clock()
        self._tokens = min(self._burst, self._tokens + (now - self._filled_at) * self._a_second)
        self._filled_at = now
        if self._tokens < 1:
            return False
        self._tokens -= 1
        return True


@dataclass(frozen=True)
class Letter:
    """A message to a channel group. It is built when it is sent, so that only what is sent takes a number."""

    group: str
    build: Callable[[], Message]
    bucket: TokenBucket | None = None


class Outbox:
    """Messages on their way. `post` may be called from any thread."""

    def __init__(self) -> None:
        self._letters: dict[object, Letter] = {}
        self._lock = threading.Lock()
        self._posted = threading.Event()
        self._stopped = threading.Event()
        self._is_empty = threading.Event()
        self._is_empty.set()
        self._thread = threading.Thread(target=self._run, name="outbox", daemon=True)

    def start(self) -> None:
        """Begin to send."""
        self._thread.start()

    def stop(self, timeout_s: float = 2) -> None:
        """Send what waits, then end."""
        self.flush(timeout_s)
        self._stopped.set()
        self._posted.set()
        self._thread.join(timeout_s)

    def post(self, letter: Letter, *, replaces: object = None) -> None:
        """Send `letter` soon, in place of one with the same `replaces` that has not been sent yet."""
        key = object() if replaces is None else replaces
        with self._lock:
            # Taken out first: the newest of a kind goes behind what was posted before it.
            self._letters.pop(key, None)
            self._letters[key] = letter
            self._is_empty.clear()
        self._posted.set()

    def hurry(self, key: object) -> None:
        """Let what waits under `key` go at once: something comes that must not overtake it."""
        with self._lock:
            if key in self._letters:
                self._letters[key] = replace(self._letters[key], bucket=None)

    def flush(self, timeout_s: float = 2) -> bool:
        """Wait until everything posted so far is sent. False when it takes too long."""
        return self._is_empty.wait(timeout_s)

    def _run(self) -> None:
        asyncio.run(self._pump())

    async def _pump(self) -> None:
        while not self._stopped.is_set():
            await asyncio.to_thread(self._posted.wait)
            self._posted.clear()
            while await self._send_those_ready():
                await asyncio.sleep(TICK_S)

    async def _send_those_ready(self) -> bool:
        """Send what may go now; True while something has to wait for its turn."""
        with self._lock:
            waiting = list(self._letters.items())
        for key, letter in waiting:
            if letter.bucket is not None and not letter.bucket.take():
                continue
            with self._lock:
                newest = self._letters.pop(key)
            await _send(newest)
        with self._lock:
            if not self._letters:
                self._is_empty.set()
            return bool(self._letters) and not self._stopped.is_set()


async def _send(letter: Letter) -> None:
    layer = get_channel_layer()
    if layer is None:
        return
    try:
        await layer.group_send(letter.group, letter.build())
    except (OSError, RedisError) as error:
        log.warning("watchers of %s missed an event: %s", letter.group, error)
