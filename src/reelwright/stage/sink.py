"""Frames on their way to disk, in order, while the next one is drawn.

One thread writes, so that what lies on disk does not depend on who was faster; one frame may wait.
"""

from __future__ import annotations

from contextlib import ExitStack
from pathlib import Path
from queue import Queue
from threading import Thread
from types import TracebackType
from typing import Self

from reelwright.frames import FrameKind, FrameWriter
from reelwright.stage.render import StagedFrame
from reelwright.stage.staged_shot import COLOR, DEPTH, MASK, MOTION

_WAITING = 1


class FrameSink:
    """Write staged frames into a folder; use it in a `with`.

    Args:
        folder: Where to.
        size: Width and height in pixels.
        moving: Whether there will be motion (a shot of one frame has none).

    Raises:
        MediaError: A frame could not be written.
        ResourceError: The disk is full.
    """

    def __init__(self, folder: Path, size: tuple[int, int], *, moving: bool) -> None:
        self._stack = ExitStack()
        kinds = [
            (COLOR, FrameKind.COLOR8),
            (DEPTH, FrameKind.DEPTH),
            (MASK, FrameKind.MASK16),
            *([(MOTION, FrameKind.MOTION)] if moving else []),
        ]
        self._writers = {
            name: self._stack.enter_context(FrameWriter(folder / name, kind, size))
            for name, kind in kinds
        }
        self._queue: Queue[StagedFrame | None] = Queue(_WAITING)
        self._failure: BaseException | None = None
        self._thread = Thread(target=self._run, name="stage-writer", daemon=True)
        self._thread.start()

    def write(self, frame: StagedFrame) -> None:
        """Hand over the next frame; waits while one is waiting already."""
        self._raise_failure()
        self._queue.put(frame)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._queue.put(None)
        self._thread.join()
        failure = error or self._failure
        self._stack.__exit__(
            type(failure) if failure else None, failure, failure.__traceback__ if failure else None
        )
        if error is None:
            self._raise_failure()

    def _raise_failure(self) -> None:
        if self._failure is not None:
            raise self._failure

    def _run(self) -> None:
        while (frame := self._queue.get()) is not None:
            if self._failure is not None:
                continue  # keep the queue moving, so that nobody waits for a dead disk
            try:
                self._write(frame)
            except Exception as error:  # noqa: BLE001 - handed to the thread that asked
                self._failure = error

    def _write(self, frame: StagedFrame) -> None:
        self._writers[COLOR].write(frame.color)
        self._writers[DEPTH].write(frame.depth)
        self._writers[MASK].write(frame.mask)
        if frame.motion is not None:
            self._writers[MOTION].write(frame.motion)
