"""Who carries tasks out: the contract that the local workers and a farm both fill."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from reelwright.production.task import Message, Task


class Executor(Protocol):
    """Runs tasks somewhere and says what becomes of them.

    It decides nothing: order, retries and what is kept are the scheduler's. Every task that was
    submitted ends in exactly one of `TaskDone`, `TaskFailed` and `TaskLost`.
    """

    def has_room(self, device: str) -> bool:
        """Whether a task for that device would begin at once."""

    def submit(self, task: Task) -> None:
        """Begin a task.

        Raises:
            ResourceError: No process can be started.
        """

    def poll(self, timeout_s: float) -> Sequence[Message]:
        """What was said since the last call; waits up to `timeout_s` for the first of it."""

    def cancel(self) -> None:
        """Ask every task to stop at its next step; each answers with `Cancelled`."""

    def kill(self) -> None:
        """End every task at once; each answers with `TaskLost`."""

    def close(self) -> None:
        """End everything and wait for it; safe to call twice."""
