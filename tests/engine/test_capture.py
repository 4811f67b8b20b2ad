from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import pytest
import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from reelwright.engine import GuidedDenoise, Guider, Keyframe, StreamRun, VideoSpace, condition
from reelwright.engine.checkpoints.config import TransformerConfig
from reelwright.engine.denoiser.block import Block
from reelwright.engine.denoiser.capture import Captures, Inputs, Pair, captured
from reelwright.engine.denoiser.transformer import Transformer, block_shape
from reelwright.engine.memory.residency import Residency, load_blocks
from reelwright.engine.sampling.tokens import audio_tokens, video_tokens
from reelwright.engine.storage.weights import Compute, PlainSource
from reelwright.errors import InputError

CUDA = torch.cuda.is_available()
CPU = torch.device("cpu")
CONFIG = TransformerConfig(
    num_attention_heads=2,
    attention_head_dim=32,
    in_channels=4,
    out_channels=4,
    num_layers=3,
    cross_attention_dim=64,
    audio_num_attention_heads=2,
    audio_attention_head_dim=16,
    audio_in_channels=6,
    audio_out_channels=6,
    audio_cross_attention_dim=32,
    apply_gated_attention=True,
    cross_attention_adaln=True,
    caption_proj_before_connector=True,
)
ALL = Guider(cfg_scale=3.0, stg_scale=1.0, stg_blocks=(1,), modality_scale=2.0)
SIGMAS = (0.9, 0.6, 0.3)
MATRIX = 64 * 64 * 4
"""Bytes of the smallest matrix of the video stream; every activation of one pass is smaller."""


@pytest.fixture
def model() -> Transformer:
    """A joint transformer with random weights."""
    torch.manual_seed(5)
    made = Transformer(CONFIG).requires_grad_(False)
    for parameter in made.parameters():
        torch.nn.init.normal_(parameter, std=0.2)
    return made


def _streamed(model: Transformer) -> Transformer:
    """The same transformer with its blocks, stored in bf16, in a ring of float32 slots."""
    shape = block_shape(CONFIG, video=True, audio=True)
    sources = [
        {name: PlainSource(name, t.bfloat16()) for name, t in block.state_dict().items()}
        for block in model.blocks
    ]
    model.blocks = load_blocks(
        lambda: Block(shape),
        sources,
        compute=Compute.FLOAT32,
        device=model.video.patchify_proj.weight.device,
        residency=Residency(2),
        where="model",
    )
    return model


def _run(
    model: Transformer, guider: Guider = ALL, frames: int = 1
) -> tuple[GuidedDenoise, tuple[Tensor, ...]]:
    """A conditioned clip with sound, ready for its first step."""
    generator = torch.Generator().manual_seed(8)

    def draw(*shape: int) -> Tensor:
        return torch.randn(*shape, generator=generator)

    video = video_tokens(draw(1, 4, frames, 1, 2), 24.0)
    video = condition(video, VideoSpace((frames, 1, 2), 24.0), [Keyframe(draw(1, 4, 1, 1, 2), -1)])
    audio = audio_tokens(draw(1, 2, 3, 3))
    streams = [
        StreamRun("video", video, draw(1, 2, 64), draw(1, 2, 64), guider),
        StreamRun("audio", audio, draw(1, 2, 32), draw(1, 2, 32), guider),
    ]
    denoise = GuidedDenoise(model, streams, SIGMAS)
    device = model.video.patchify_proj.weight.device
    return denoise, tuple(stream.tokens.clean.to(device) for stream in streams)


class Watch(TorchDispatchMode):
    """Writes down what is called, and what memory it makes."""

    FORBIDDEN = ("_local_scalar_dense", "nonzero", "unique", "is_nonzero", "masked_select", "equal")

    def __init__(self) -> None:
        super().__init__()
        self.waits: list[str] = []
        self.made: list[str] = []

    def __torch_dispatch__(
        self,
        func: Any,
        types: Sequence[type],
        args: tuple[Any, ...] = (),
        kwargs: Mapping[str, Any] | None = None,
    ) -> Any:
        named = dict(kwargs or {})
        out, name = func(*args, **named), str(func)
        if any(word in name for word in self.FORBIDDEN) or self._needs_a_count(name, args):
            self.waits.append(name)
        device = named.get("device")
        if "_to_copy" in name and device is not None and device != args[0].device:
            self.waits.append(name)
        given = {_place(part) for part in tree_leaves((args, named)) if isinstance(part, Tensor)}
        for part in tree_leaves(out):
            if isinstance(part, Tensor) and _place(part) not in given:
                large = part.untyped_storage().nbytes() >= MATRIX
                self.made += [name] if large else []
        return out

    def _needs_a_count(self, name: str, args: tuple[Any, ...]) -> bool:
        """Picking by truth has to count what is true."""
        picks = [part for part in tree_leaves(args[1:]) if isinstance(part, Tensor)]
        return "aten.index" in name and any(part.dtype == torch.bool for part in picks)


def _place(tensor: Tensor) -> int:
    return tensor.untyped_storage().data_ptr()


@pytest.mark.parametrize("streamed", [False, True])
@pytest.mark.parametrize("frames", [1, 2])
def test_a_step_never_waits_for_a_number(model: Transformer, frames: int, streamed: bool) -> None:
    """No host can wait for a device within a step: what a graph, and a full queue, rely on."""
    denoise, latents = _run(_streamed(model) if streamed else model, frames=frames)
    with Watch() as watch:
        for sigma in SIGMAS:
            latents = denoise(latents, sigma)
    assert not watch.waits


@pytest.mark.parametrize(
    "act",
    [
        lambda x: x.sum().item(),
        lambda x: x[x > 0],
        lambda x: x.to("meta"),
        lambda x: x.nonzero(),
        lambda x: bool(x.any()),
    ],
)
def test_waiting_would_be_seen(act: Callable[[Tensor], object]) -> None:
    with Watch() as watch:
        act(torch.ones(3))
    assert watch.waits


def test_a_forward_needs_no_numbers(model: Transformer) -> None:
    """It runs on tensors that have none: every shape is known beforehand."""
    denoise, latents = _run(model)
    step = denoise._steps[SIGMAS[0]]
    given = Inputs((latents[0].repeat(4, 1, 1), latents[1].repeat(4, 1, 1)), step)
    bare = _on_meta((given.latents, step, denoise._layouts, denoise._plans))
    video, audio = model.to("meta")(*bare)
    assert video.shape == given.latents[0].shape  # type: ignore[union-attr]
    assert audio.shape == given.latents[1].shape  # type: ignore[union-attr]


def _on_meta(value: Any) -> Any:
    if isinstance(value, Tensor):
        return value.to("meta")
    if isinstance(value, tuple):
        return tuple(_on_meta(part) for part in value)
    if hasattr(value, "__dataclass_fields__"):
        names = value.__dataclass_fields__
        return type(value)(**{name: _on_meta(getattr(value, name)) for name in names})
    return value


def test_a_ring_makes_no_memory_after_the_first_step(model: Transformer) -> None:
    denoise, latents = _run(_streamed(model), Guider())
    latents = denoise(latents, SIGMAS[0])
    copies = denoise.model.blocks.copies
    with Watch() as watch:
        for sigma in SIGMAS[1:]:
            latents = denoise(latents, sigma)
    assert denoise.model.blocks.copies == 3 * copies
    assert not watch.made


def test_memory_would_be_seen() -> None:
    with Watch() as watch:
        torch.ones(64, 64) * 2.0
    assert watch.made == ["aten.ones.default", "aten.mul.Tensor"]


def _record_plainly(run: Callable[[], Pair]) -> tuple[Callable[[], None], Pair]:
    """What a graph does, without one: the same function again, into the same memory."""
    outputs = run()

    def launch() -> None:
        for own, new in zip(outputs, run(), strict=True):
            if own is not None and new is not None:
                own.copy_(new)

    return launch, outputs


@pytest.mark.parametrize("inference", [False, True])
def test_recordings_are_replayed_on_new_numbers(model: Transformer, inference: bool) -> None:
    with torch.inference_mode(inference):
        denoise, latents = _run(model)
        expected = _steps(denoise, latents)
        captures = Captures(model.forward, _record_plainly)
        vars(model)["forward"] = captures
        found = _steps(denoise, latents)
        assert len(captures) == 1
        assert all(torch.equal(a, b) for a, b in zip(expected, found, strict=True))
        # Another run of the same shapes has layouts of its own, and so a recording of its own.
        again, latents = _run(model)
        assert all(torch.equal(a, b) for a, b in zip(expected, _steps(again, latents), strict=True))
        assert len(captures) == 2
        longer, latents = _run(model, frames=2)
        _steps(longer, latents)
        assert len(captures) == 3


def test_a_result_outlives_the_next_replay_and_the_mode_it_was_made_in(model: Transformer) -> None:
    denoise, latents = _run(model, Guider())
    captures = Captures(model.forward, _record_plainly)

    def replay(sigma: float) -> Tensor:
        video, _ = captures(
            (latents[0], latents[1]), denoise._steps[sigma], denoise._layouts, denoise._plans
        )
        assert video is not None
        return video

    with torch.inference_mode():
        first = replay(0.9)
        before = first.clone()
    second = replay(0.3)
    assert len(captures) == 1
    assert torch.equal(first, before)
    assert not torch.equal(first, second)


def _steps(denoise: GuidedDenoise, latents: tuple[Tensor, ...]) -> list[Tensor]:
    """The results of all steps, each kept while the next ones run."""
    found: list[Tensor] = []
    for sigma in SIGMAS:
        latents = denoise(latents, sigma)
        found += latents
    return found


def test_inputs_are_copies(model: Transformer) -> None:
    denoise, latents = _run(model)
    given = Inputs((latents[0], latents[1]), denoise._steps[0.9])
    own = given.clone()
    assert own.shapes == given.shapes
    assert not {_place(t) for t in own.tensors} & {_place(t) for t in given.tensors}
    own.copy_(Inputs((latents[0] + 1, latents[1]), denoise._steps[0.3]))
    assert own.latents[0] is not None
    assert torch.equal(own.latents[0], latents[0] + 1)
    assert Inputs((latents[0], None), (denoise._steps[0.9][0], None)).shapes != given.shapes


def test_what_cannot_be_captured(model: Transformer) -> None:
    with pytest.raises(InputError, match="on cpu cannot be captured") as caught, captured(model):
        pass
    assert "CUDA" in caught.value.mend
    with pytest.raises(InputError, match="come and go") as caught, captured(_streamed(model)):
        pass
    assert "resident" in caught.value.mend


@pytest.fixture
def on_gpu(model: Transformer) -> Iterator[Transformer]:
    """The model on the device, which is left as it was."""
    if not CUDA:
        pytest.skip("no CUDA device")
    torch.cuda.empty_cache()
    yield model.to("cuda")
    torch.cuda.set_per_process_memory_fraction(1.0)


def _device_memory() -> tuple[int, int]:
    """How often memory was asked of the device, and how much is in use."""
    torch.cuda.synchronize()
    return torch.cuda.memory_stats()["num_device_alloc"], torch.cuda.memory_allocated()


@pytest.mark.gpu
def test_a_replay_equals_the_forward(on_gpu: Transformer) -> None:
    denoise, latents = _run(on_gpu)
    expected = _steps(denoise, latents)
    with captured(on_gpu) as captures:
        found = _steps(denoise, latents)
        malloc, held = _device_memory()
        _steps(denoise, latents)
        assert _device_memory() == (malloc, held)
        assert len(captures) == 1
    assert all(torch.equal(a, b) for a, b in zip(expected, found, strict=True))
    assert "forward" not in vars(on_gpu)


@pytest.mark.gpu
def test_a_streamed_run_allocates_nothing_after_its_first_step(on_gpu: Transformer) -> None:
    expected = _steps(*_run(on_gpu))
    denoise, latents = _run(_streamed(on_gpu))
    held = set()
    for sigma in SIGMAS:
        latents = denoise(latents, sigma)
        held.add(_device_memory())
    assert len(held) == 1
    assert (latents[0] - expected[-2]).abs().max() < 0.1, "bf16 storage, else the same model"


@pytest.mark.gpu
def test_a_model_larger_than_the_memory_that_it_may_use() -> None:
    """13 GB of blocks under a cap of 8 GB; every block's weights are the same bytes on the host."""
    if not CUDA:
        pytest.skip("no CUDA device")
    cap = 8e9 / torch.cuda.get_device_properties(0).total_memory
    torch.cuda.empty_cache()
    torch.cuda.reset_peak_memory_stats()
    torch.cuda.set_per_process_memory_fraction(min(cap, 1.0))
    weight = torch.eye(8192, dtype=torch.bfloat16)
    blocks = load_blocks(
        lambda: torch.nn.Linear(8192, 8192, bias=False),
        [{"weight": PlainSource("weight", weight)}] * 100,
        compute=Compute.BFLOAT16,
        device=torch.device("cuda"),
        residency=Residency(2),
        where="model",
    )
    given = torch.randn(64, 8192, device="cuda", dtype=torch.bfloat16)
    x = given
    for block in blocks:
        x = block(x)
    assert torch.equal(x, given)
    assert torch.cuda.max_memory_reserved() < 8e9
    torch.cuda.set_per_process_memory_fraction(1.0)
