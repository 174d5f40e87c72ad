"""The one Celery task: a permission to look for work."""

from typing import Protocol

from celery import Task, shared_task


class Agent(Protocol):
    """Whoever does the work in this process."""

    def work_until_idle(self) -> None:
        """Claim and execute runs until nothing is left."""
        ...


class BellTask(Task):  # type: ignore[misc]  # Celery has no types
    """A task that its process' agent answers."""

    # Set once, by whoever builds the agent, before the first message is read.
    agent: Agent | None = None


@shared_task(base=BellTask, bind=True, name="runs.look_for_work", ignore_result=True)  # type: ignore[untyped-decorator]
def look_for_work(self: BellTask) -> None:
    """Let the agent of this process work until the queue is empty."""
    if self.agent is not None:
        self.agent.work_until_idle()
