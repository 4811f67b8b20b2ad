"""What happens after each step of a denoise: the state is saved, people are told and shown."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

import torch

from reelwright.engine import ClipState, PassLatents, Step, load_state, save_state
from reelwright.errors import InputError
from reelwright.progress import Progress

STATE = "state.safetensors"

PREVIEW_EVERY_S = 2.0
"""Between two previews, at least."""

PREVIEW_COST = 10
"""A preview comes no sooner than so many times what the last one took: of a large model that is
streamed, the codec is loaded for each."""


class Watcher:
    """Called by the engine after each step.

    The state is saved before anyone is told, so that whoever stops the run by raising finds it.

    Args:
        folder: Where the state is saved.
        num_steps: Of the pass.
        noun: What is being made, for people.
        progress: Who is told.
        clock: Seconds, rising.
    """

    def __init__(
        self,
        folder: Path,
        num_steps: int,
        noun: str,
        progress: Progress,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._folder, self._num_steps, self._noun = folder, num_steps, noun
        self._progress, self._clock = progress, clock
        self._due_at = clock() + PREVIEW_EVERY_S
        self._shows = True

    def __call__(self, step: Step) -> None:
        """Save, tell, show; may raise `Cancelled`."""
        save_state(self._folder / STATE, step.state)
        done = step.state.step
        self._progress.step(
            done / self._num_steps, f"{self._noun}: step {done} of {self._num_steps}"
        )
        if self._shows and self._clock() >= self._due_at:
            self._show(step)

    def _show(self, step: Step) -> None:
        start = self._clock()
        try:
            picture = step.preview()
        except torch.OutOfMemoryError:
            self._shows = False
            self._progress.warn("There are no more previews: the memory is too short for them.")
            return
        self._progress.preview((picture * 255.0).round().to(torch.uint8).numpy())
        now = self._clock()
        self._due_at = now + max(PREVIEW_EVERY_S, PREVIEW_COST * (now - start))


def saved_state(
    folder: Path,
    index: int,
    marks: tuple[str, str],
    finished: tuple[PassLatents, ...],
    progress: Progress,
) -> ClipState | None:
    """The state that a pass goes on from, if one was saved of the same clip.

    Args:
        folder: Where it would lie.
        index: The pass.
        marks: Digest and fingerprint of what is being made.
        finished: What the passes before made.
        progress: Told what becomes of it.
    """
    path = folder / STATE
    if not path.exists():
        return None
    try:
        state = load_state(path)
    except InputError as error:
        progress.warn(f"The pass begins anew: {error.what}")
        return None
    digest, here = marks
    if (state.digest, state.pass_index) != (digest, index) or not _same(state.finished, finished):
        progress.warn("The pass begins anew: what was saved of it is of another clip.")
        return None
    if state.fingerprint != here:
        progress.warn(
            f"The pass was begun on {state.fingerprint} and is finished on {here}: its last digits "
            "may differ from those of a run on one of them alone."
        )
    return state


def _same(some: tuple[PassLatents, ...], others: tuple[PassLatents, ...]) -> bool:
    if len(some) != len(others):
        return False
    pairs = [
        pair
        for a, b in zip(some, others, strict=True)
        for pair in ((a.video, b.video), (a.audio, b.audio))
    ]
    return all(
        a is b if a is None or b is None else a.shape == b.shape and torch.equal(a, b)
        for a, b in pairs
    )
