"""How a person stops a render: once is a wish, twice is an order."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

_SIGNALS = ("SIGINT", "SIGTERM", "SIGHUP", "SIGBREAK")


class StopSwitch:
    """Set from anywhere (a signal, a page, another thread); looked at by the scheduler."""

    def __init__(self) -> None:
        self._requests = 0
        self._lock = threading.Lock()

    def request(self) -> None:
        """Ask to stop: between steps the first time, at once from the second on."""
        with self._lock:
            self._requests += 1

    @property
    def requested(self) -> bool:
        """Whether anybody asked."""
        return self._requests > 0

    @property
    def insisted(self) -> bool:
        """Whether anybody asked twice."""
        return self._requests > 1


@contextmanager
def interrupts_stop(switch: StopSwitch) -> Iterator[None]:
    """Let Ctrl-C and SIGTERM flip the switch; what they did before comes back after.

    Outside the main thread nothing is changed: there, whoever owns the thread owns the switch.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def flip(number: int, frame: FrameType | None) -> None:
        # Only an atomic add: the lock could be held by the code that was interrupted.
        switch._requests += 1

    before = {}
    for name in _SIGNALS:
        number = getattr(signal, name, None)
        if number is not None and signal.getsignal(number) is not signal.SIG_IGN:
            before[number] = signal.signal(number, flip)
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
