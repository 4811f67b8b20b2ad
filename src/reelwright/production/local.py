"""The local executor: one warm worker process for each device."""

from __future__ import annotations

import queue
import time
from collections.abc import Sequence

from reelwright.production.process import WorkerProcess, WorkerSettings
from reelwright.production.task import Message, Task, TaskDone, TaskFailed, TaskLost
from reelwright.production.wire import Finished

SILENCE_S = 120.0
"""A worker that says nothing for so long hangs: a library may hold the interpreter for seconds, not
for minutes."""

_SAMPLE_S = 0.05
_GAP_S = 5.0


class LocalExecutor:
    """Fills `Executor` with processes on this machine. Use it from one thread.

    A worker starts with its device's first task and stays for the next ones; one that ends, or
    falls silent, is replaced at the next task.

    Args:
        settings: How workers are started.
        silence_s: How long a worker may say nothing before it is taken for hung.
    """

    def __init__(
        self, settings: WorkerSettings | None = None, silence_s: float = SILENCE_S
    ) -> None:
        self._settings = settings or WorkerSettings()
        self._silence_s = silence_s
        self._inbox: queue.SimpleQueue[tuple[WorkerProcess, object | None]] = queue.SimpleQueue()
        self._workers: dict[str, WorkerProcess] = {}
        self._polled_at = time.monotonic()

    def has_room(self, device: str) -> bool:
        """Whether a task for that device would begin at once."""
        worker = self._workers.get(device)
        return worker is None or worker.task is None

    def submit(self, task: Task) -> None:
        """Begin a task; its device has room.

        Raises:
            ResourceError: No process can be started.
        """
        worker = self._workers.get(task.device)
        if worker is not None and worker.task is not None:
            raise RuntimeError(f"{task.device} has a task already")
        if worker is None or not worker.is_running:
            if worker is not None:
                worker.close()
            worker = WorkerProcess(task.device, self._settings, self._inbox)
            self._workers[task.device] = worker
        worker.run(task)

    def poll(self, timeout_s: float) -> Sequence[Message]:
        """What was said since the last call; waits up to `timeout_s` for the first of it."""
        messages: list[Message] = []
        deadline = time.monotonic() + timeout_s
        while True:
            wait = 0.0 if messages else min(_SAMPLE_S, max(deadline - time.monotonic(), 0.0))
            try:
                worker, said = self._inbox.get(timeout=wait) if wait else self._inbox.get_nowait()
            except queue.Empty:
                self._look_after()
                if messages or time.monotonic() >= deadline:
                    return messages
                continue
            message = self._heard(worker, said)
            if message is not None:
                messages.append(message)

    def cancel(self) -> None:
        """Ask every task to stop at its next step."""
        for worker in self._workers.values():
            if worker.task is not None:
                worker.cancel()

    def kill(self) -> None:
        """End every task at once; each answers with `TaskLost`."""
        for worker in self._workers.values():
            if worker.task is not None:
                worker.kill("stopped")

    def close(self) -> None:
        """End every worker and wait for it; safe to call twice."""
        for worker in self._workers.values():
            if worker.task is not None:
                worker.kill("stopped")
        for worker in self._workers.values():
            worker.close()
        self._workers.clear()

    def pids(self) -> dict[str, int]:
        """Process of each device's worker."""
        return {device: worker.pid for device, worker in self._workers.items()}

    def _heard(self, worker: WorkerProcess, said: object | None) -> Message | None:
        worker.heard_at = time.monotonic()
        if said is None:
            return self._lost(worker)
        task = worker.task
        if isinstance(said, Finished):
            worker.sample_memory()
            peak, worker.task = worker.peak_ram_bytes, None
            return TaskDone(said.attempt, said.files, said.seconds, peak, said.fingerprint)
        if isinstance(said, TaskFailed):
            worker.task = None
        current = task is not None and isinstance(said, Message) and said.attempt == task.attempt
        return said if current and isinstance(said, Message) else None

    def _lost(self, worker: WorkerProcess) -> Message | None:
        why = worker.epitaph()
        task, worker.task = worker.task, None
        if self._workers.get(worker.device) is worker:
            del self._workers[worker.device]
        worker.close()
        if task is None:
            return None
        seconds = time.monotonic() - worker.started_at
        return TaskLost(task.attempt, worker.device, worker.pid, why, seconds)

    def _look_after(self) -> None:
        """Sample memory, and end what has fallen silent."""
        now = time.monotonic()
        slept = now - self._polled_at > _GAP_S  # this process was stopped: the silence was ours
        self._polled_at = now
        for worker in self._workers.values():
            if slept:
                worker.heard_at = now
            worker.sample_memory()
            if worker.task is not None and now - worker.heard_at > self._silence_s:
                worker.kill(f"it said nothing for {self._silence_s:.0f} s and was ended")
