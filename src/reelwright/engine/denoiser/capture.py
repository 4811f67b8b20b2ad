"""A forward as one launch: CUDA graphs of a resident transformer, and blocks compiled by torch.

At small shapes a step's thousands of launches cost more than its products. A graph replays them all
at once, on the memory that it was captured with: latents and a step's modulation are copied into
buffers of its own, what holds for a run (rotations, texts, masks, plans) is read where it was. So a
graph belongs to one run's layouts and to one set of shapes.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, fields, replace

import torch
from torch import Tensor

from reelwright.engine.denoiser.perturbation import BlockPlan
from reelwright.engine.denoiser.stream import StreamLayout, StreamStep
from reelwright.engine.denoiser.transformer import Transformer
from reelwright.errors import InputError

Pair = tuple[Tensor | None, Tensor | None]
Steps = tuple[StreamStep | None, StreamStep | None]
Layouts = tuple[StreamLayout | None, StreamLayout | None]
Plans = tuple[BlockPlan, ...]
Forward = Callable[[Pair, Steps, Layouts, Plans], Pair]


@dataclass(frozen=True, slots=True)
class Inputs:
    """What changes from step to step.

    Attributes:
        latents: Noisy tokens of video and audio.
        steps: What the noise levels decide for each.
    """

    latents: Pair
    steps: Steps

    @property
    def tensors(self) -> list[Tensor]:
        """All tensors, in a fixed order."""
        parts = [getattr(step, f.name) for step in self.steps if step for f in fields(step)]
        return [part for part in (*self.latents, *parts) if part is not None]

    @property
    def shapes(self) -> tuple[object, ...]:
        """What has to be equal for a graph to be used again."""
        present = tuple(x is not None for x in (*self.latents, *self.steps))
        parts = tuple(
            getattr(step, f.name) is None for step in self.steps if step for f in fields(step)
        )
        return present, parts, tuple((t.shape, t.dtype, t.device) for t in self.tensors)

    def clone(self) -> Inputs:
        """The same numbers in memory of their own."""
        video, audio = (None if x is None else x.clone() for x in self.latents)
        seen, heard = (None if step is None else _clone(step) for step in self.steps)
        return Inputs((video, audio), (seen, heard))

    def copy_(self, other: Inputs) -> None:
        """Take over the numbers of other inputs of the same shapes."""
        for own, given in zip(self.tensors, other.tensors, strict=True):
            own.copy_(given)


def _clone(step: StreamStep) -> StreamStep:
    parts = {f.name: getattr(step, f.name) for f in fields(step)}
    return replace(step, **{name: part.clone() for name, part in parts.items() if part is not None})


@dataclass(frozen=True, slots=True)
class CapturedForward:
    """One forward, recorded.

    Attributes:
        launch: Runs it again, on the same memory.
        inputs: The memory that it reads.
        outputs: The memory that it writes.
        kept: What else it reads, kept alive with it.
    """

    launch: Callable[[], None]
    inputs: Inputs
    outputs: Pair
    kept: tuple[StreamLayout | BlockPlan | None, ...]

    def replay(self, given: Inputs) -> Pair:
        """Run it on other numbers."""
        self.inputs.copy_(given)
        self.launch()
        # The next replay writes to the same place, so callers get copies: a thousandth of a step.
        video, audio = (None if x is None else x.clone() for x in self.outputs)
        return video, audio


Record = Callable[[Callable[[], Pair]], tuple[Callable[[], None], Pair]]
"""Records what a function does: what does it again, and the memory that it writes."""


def graph_recorder() -> Record:
    """Record as CUDA graphs, all in one pool of memory: none is live while another replays."""
    pool = torch.cuda.graph_pool_handle()

    def record(run: Callable[[], Pair]) -> tuple[Callable[[], None], Pair]:
        current = torch.cuda.current_stream()
        aside: torch.cuda.Stream = torch.cuda.Stream()  # type: ignore[no-untyped-call]
        aside.wait_stream(current)
        with torch.cuda.stream(aside):
            run()  # libraries allocate in their first
        current.wait_stream(aside)
        graph = torch.cuda.CUDAGraph()
        # Other threads may go on using the device: a film is encoded while the next is denoised.
        with torch.cuda.graph(graph, pool=pool, stream=aside, capture_error_mode="thread_local"):
            outputs = run()
        return graph.replay, outputs

    return record


class Captures:
    """The recordings of a run: made when shapes are first seen, replayed after that.

    Args:
        forward: What is recorded.
        record: How.
    """

    def __init__(self, forward: Forward, record: Record) -> None:
        self._forward, self._record = forward, record
        self._recordings: dict[tuple[object, ...], CapturedForward] = {}

    def __len__(self) -> int:
        return len(self._recordings)

    def __call__(self, latents: Pair, steps: Steps, layouts: Layouts, plans: Plans = ()) -> Pair:
        """Predict, as the forward does."""
        given = Inputs(latents, steps)
        kept = (*layouts, *plans)
        # What is kept alive keeps its id: no other layout can be taken for it.
        key = (*given.shapes, *(id(part) for part in kept))
        # Recordings outlive the caller's inference mode, and so must the memory that they read.
        with torch.inference_mode(False), torch.no_grad():
            if key not in self._recordings:
                inputs = given.clone()
                launch, outputs = self._record(
                    lambda: self._forward(inputs.latents, inputs.steps, layouts, plans)
                )
                self._recordings[key] = CapturedForward(launch, inputs, outputs, kept)
            return self._recordings[key].replay(given)


@contextmanager
def captured(model: Transformer) -> Iterator[Captures]:
    """Run a transformer's forwards as CUDA graphs for a while.

    Within the context every forward of shapes and layouts that were seen before is a replay; at its
    end the graphs and their memory are gone. Results are bit for bit those without.

    Args:
        model: Resident, on a CUDA device.

    Yields:
        The graphs, for counting.

    Raises:
        InputError: The model is streamed, or not on a CUDA device.
    """
    device = next(model.parameters()).device
    if model.blocks.streamed:
        raise InputError(
            "The forward of a streamed model cannot be captured: its weights come and go.",
            "Keep its blocks resident, or run it without capture.",
        )
    if device.type != "cuda":
        raise InputError(
            f"A forward on {device} cannot be captured.",
            "Run the model on a CUDA device, or without capture.",
            device=str(device),
        )
    with torch.cuda.device(device):
        captures = Captures(model.forward, graph_recorder())
        # An instance's own `forward` goes before its class's; who holds the model need not know.
        vars(model)["forward"] = captures
        try:
            yield captures
        finally:
            del vars(model)["forward"]


def compile_blocks(model: Transformer) -> None:
    """Have torch compile a transformer's blocks, in place, when they first run.

    Under `torch.inference_mode` all blocks share one graph, and sequences of other lengths use it
    too; under `no_grad` the first block gets one of its own, because what it is given is a view.
    Compiling takes tens of seconds once per process; torch keeps what it made on disk.

    Args:
        model: Resident or streamed.
    """
    for block in model.blocks.bodies:
        block.compile(fullgraph=True, dynamic=True)
