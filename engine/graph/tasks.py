"""Calls of async nodes that are under way. They go on whenever the run waits, all on the run's own thread."""

import asyncio
from collections.abc import Coroutine
from functools import cached_property

# How long a cancelled run may take to notice it while nothing but async nodes is under way.
_POLL_S = 0.05


class Tasks:
    """The async calls of one run, on an event loop that is made when the first of them starts."""

    def __init__(self) -> None:
        self._pending: set[asyncio.Task[object]] = set()

    @cached_property
    def _loop(self) -> asyncio.AbstractEventLoop:
        return asyncio.new_event_loop()

    def __bool__(self) -> bool:
        """Whether any call is not finished."""
        return bool(self._pending)

    def start(self, call: Coroutine[object, object, object]) -> "asyncio.Task[object]":
        """Begin the call, up to where it first waits for something."""
        task = self._loop.create_task(call)
        self._pending.add(task)
        self._loop.run_until_complete(asyncio.sleep(0))
        return task

    def advance(self, *, is_idle: bool) -> "set[asyncio.Task[object]]":
        """The calls that are finished. Waits for one, though not for long, if the run `is_idle` otherwise."""
        timeout_s = _POLL_S if is_idle else 0
        wait = asyncio.wait(self._pending, timeout=timeout_s, return_when=asyncio.FIRST_COMPLETED)
        done, self._pending = self._loop.run_until_complete(wait)
        return done

    def close(self) -> None:
        """Cancel what is not finished, and let it clean up."""
        if "_loop" not in self.__dict__:
            return
        for task in self._pending:
            task.cancel()
        if self._pending:
            self._loop.run_until_complete(asyncio.wait(self._pending))
        self._loop.run_until_complete(self._loop.shutdown_asyncgens())
        self._loop.close()
