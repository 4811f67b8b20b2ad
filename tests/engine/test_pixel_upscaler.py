"""Pixel upscalers: the two layouts, told from their tensors, and frames enlarged by tiles."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file
from torch import Tensor, nn
from torch.nn import functional

from reelwright.engine import Compute, load_pixel_upscaler
from reelwright.engine.codecs import pixel_upscaler
from reelwright.engine.codecs.esrgan import CompactShape, DenseShape
from reelwright.engine.codecs.pixel_upscaler import EDGE
from reelwright.errors import CheckpointError


class ReferenceCompact(nn.Module):
    """SRVGGNetCompact as its paper's code runs it, perhaps on folded pixels."""

    def __init__(self, width: int, depth: int, scale: int, fold: int = 1) -> None:
        super().__init__()
        self.scale, self.fold = scale, fold
        layers: list[nn.Module] = [nn.Conv2d(3 * fold**2, width, 3, 1, 1), nn.PReLU(width)]
        for _ in range(depth):
            layers += [nn.Conv2d(width, width, 3, 1, 1), nn.PReLU(width)]
        layers.append(nn.Conv2d(width, 3 * (scale * fold) ** 2, 3, 1, 1))
        self.body = nn.ModuleList(layers)

    def forward(self, x: Tensor) -> Tensor:
        out = nn.PixelUnshuffle(self.fold)(x)
        for layer in self.body:
            out = layer(out)
        out = nn.PixelShuffle(self.scale * self.fold)(out)
        return out + functional.interpolate(x, scale_factor=self.scale, mode="nearest")


class ReferenceBlock(nn.Module):
    def __init__(self, width: int, growth: int) -> None:
        super().__init__()
        sizes = [width + i * growth for i in range(5)]
        for i, size in enumerate(sizes):
            setattr(self, f"conv{i + 1}", nn.Conv2d(size, growth if i < 4 else width, 3, 1, 1))

    def forward(self, x: Tensor) -> Tensor:
        act = nn.LeakyReLU(0.2)
        x1 = act(self.conv1(x))
        x2 = act(self.conv2(torch.cat((x, x1), 1)))
        x3 = act(self.conv3(torch.cat((x, x1, x2), 1)))
        x4 = act(self.conv4(torch.cat((x, x1, x2, x3), 1)))
        return self.conv5(torch.cat((x, x1, x2, x3, x4), 1)) * 0.2 + x


class ReferenceTriple(nn.Module):
    def __init__(self, width: int, growth: int) -> None:
        super().__init__()
        self.rdb1, self.rdb2, self.rdb3 = (ReferenceBlock(width, growth) for _ in range(3))

    def forward(self, x: Tensor) -> Tensor:
        return self.rdb3(self.rdb2(self.rdb1(x))) * 0.2 + x


class ReferenceDense(nn.Module):
    """RRDBNet as its paper's code runs it."""

    def __init__(self, width: int, growth: int, depth: int, fold: int) -> None:
        super().__init__()
        self.fold = fold
        self.conv_first = nn.Conv2d(3 * fold**2, width, 3, 1, 1)
        self.body = nn.Sequential(*(ReferenceTriple(width, growth) for _ in range(depth)))
        for name in ("conv_body", "conv_up1", "conv_up2", "conv_hr"):
            setattr(self, name, nn.Conv2d(width, width, 3, 1, 1))
        self.conv_last = nn.Conv2d(width, 3, 3, 1, 1)

    def forward(self, x: Tensor) -> Tensor:
        act = nn.LeakyReLU(0.2)
        feat = self.conv_first(nn.PixelUnshuffle(self.fold)(x))
        feat = feat + self.conv_body(self.body(feat))
        feat = act(self.conv_up1(functional.interpolate(feat, scale_factor=2, mode="nearest")))
        feat = act(self.conv_up2(functional.interpolate(feat, scale_factor=2, mode="nearest")))
        return self.conv_last(act(self.conv_hr(feat)))


Make = Callable[[], nn.Module]

LAYOUTS: dict[str, tuple[Make, object]] = {
    "compact x2": (lambda: ReferenceCompact(8, 2, 2), CompactShape(8, 2, 1, 2)),
    "compact x4": (lambda: ReferenceCompact(6, 1, 4), CompactShape(6, 1, 1, 4)),
    "compact x2, folded": (lambda: ReferenceCompact(16, 2, 2, 2), CompactShape(16, 2, 2, 2)),
    "compact, no middle": (lambda: ReferenceCompact(8, 0, 2), CompactShape(8, 0, 1, 2)),
    "RRDBNet x2": (lambda: ReferenceDense(8, 4, 2, 2), DenseShape(8, 4, 2, 2)),
    "RRDBNet x4": (lambda: ReferenceDense(8, 4, 1, 1), DenseShape(8, 4, 1, 1)),
    "RRDBNet x1": (lambda: ReferenceDense(4, 4, 1, 4), DenseShape(4, 4, 1, 4)),
}


def _made(make: Make) -> nn.Module:
    torch.manual_seed(3)
    return make().eval()


def _saved(module: nn.Module, path: Path, prefix: str = "") -> Path:
    save_file({prefix + name: each for name, each in module.state_dict().items()}, path)
    return path


def _frames(height: int = 24, width: int = 40, count: int = 2) -> Tensor:
    return torch.rand(count, height, width, 3, generator=torch.Generator().manual_seed(5))


def _wanted(module: nn.Module, frames: Tensor) -> Tensor:
    """What the network makes of frames whose borders go on outwards."""
    wide = functional.pad(frames.permute(0, 3, 1, 2), (EDGE,) * 4, mode="replicate")
    with torch.no_grad():
        made = module(wide).permute(0, 2, 3, 1).clamp(0, 1)
    edge = EDGE * made.shape[1] // wide.shape[2]
    return made[:, edge:-edge, edge:-edge]


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("prefix", ["", "params_ema."])
def test_a_layout_is_told_from_its_tensors_and_runs_as_its_paper_says(
    layout: str, prefix: str, tmp_path: Path
) -> None:
    make, shape = LAYOUTS[layout]
    module = _made(make)
    upscaler = load_pixel_upscaler(_saved(module, tmp_path / "u.safetensors", prefix))
    assert upscaler.network.shape == shape
    frames = _frames()
    found = upscaler.upscale(frames)
    assert found.shape == (2, 24 * upscaler.scale, 40 * upscaler.scale, 3)
    torch.testing.assert_close(found, _wanted(module, frames), atol=2e-6, rtol=0)


def test_the_average_wins_where_a_file_has_both(tmp_path: Path) -> None:
    make, _ = LAYOUTS["compact x2"]
    first, second = _made(make), make()
    both = {f"params.{name}": each for name, each in second.state_dict().items()}
    both |= {f"params_ema.{name}": each for name, each in first.state_dict().items()}
    save_file(both, tmp_path / "u.safetensors")
    found = load_pixel_upscaler(tmp_path / "u.safetensors").upscale(_frames())
    torch.testing.assert_close(found, _wanted(first, _frames()), atol=2e-6, rtol=0)


@pytest.mark.parametrize("layout", ["compact x2", "compact x2, folded"])
def test_tiles_give_what_the_whole_picture_gives(layout: str, tmp_path: Path) -> None:
    module = _made(LAYOUTS[layout][0])
    upscaler = load_pixel_upscaler(_saved(module, tmp_path / "u.safetensors"))
    frames = _frames(37, 50)  # off the grid of folds, too
    whole = upscaler.upscale(frames)
    for tile in (10, 16, 64):
        tiled = replace(upscaler, tile=tile).upscale(frames)
        torch.testing.assert_close(tiled, whole, atol=2e-6, rtol=0)


def test_tiles_are_seen_by_who_is_shown_nothing_around_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    module = _made(LAYOUTS["compact x2"][0])
    upscaler = load_pixel_upscaler(_saved(module, tmp_path / "u.safetensors"))
    whole = upscaler.upscale(_frames())
    monkeypatch.setattr(CompactShape, "context", 0)
    assert (replace(upscaler, tile=8).upscale(_frames()) - whole).abs().max() > 1e-3


def test_tiles_are_as_large_as_memory_allows(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    module = _made(LAYOUTS["RRDBNet x2"][0])
    upscaler = load_pixel_upscaler(_saved(module, tmp_path / "u.safetensors"))
    seen: list[tuple[int, int]] = []
    upscaler.network.register_forward_pre_hook(lambda _, args: seen.append(args[0].shape[2:]))
    frames = _frames(256, 300, 1)
    upscaler.upscale(frames)
    assert seen == [(256 + 2 * EDGE, 300 + 2 * EDGE)]
    seen.clear()
    room = 110 * 110 * upscaler.network.shape.numbers_per_pixel * 4
    monkeypatch.setattr(pixel_upscaler, "TILE_BYTES", room)
    assert upscaler.upscale(frames).shape == (1, 512, 600, 3)
    assert len(seen) > 4
    assert max(height * width for height, width in seen) <= 110 * 110


def test_a_flat_picture_has_no_frame_around_it(tmp_path: Path) -> None:
    """Convolutions pad with black; that must not be seen at the border."""
    module = _made(lambda: ReferenceCompact(8, 1, 2))
    upscaler = load_pixel_upscaler(_saved(module, tmp_path / "u.safetensors"))
    found = upscaler.upscale(torch.full((1, 16, 16, 3), 0.5))
    tile = found[:, 12:14, 12:14]  # one pixel's own, anywhere in the middle
    torch.testing.assert_close(found[:, :2, :2], tile, atol=1e-6, rtol=0)
    torch.testing.assert_close(found[:, -2:, -2:], tile, atol=1e-6, rtol=0)


def test_half_precision_is_close(tmp_path: Path) -> None:
    module = _made(LAYOUTS["compact x2, folded"][0])
    path = _saved(module.half(), tmp_path / "u.safetensors")
    exact = load_pixel_upscaler(path).upscale(_frames())
    coarse = load_pixel_upscaler(path, compute=Compute.BFLOAT16).upscale(_frames())
    assert coarse.dtype == torch.float32
    assert 0 < (coarse - exact).abs().max() < 0.02


def _without(name: str) -> Callable[[dict[str, Tensor]], dict[str, Tensor]]:
    return lambda held: {key: each for key, each in held.items() if key != name}


def _also(name: str, *shape: int) -> Callable[[dict[str, Tensor]], dict[str, Tensor]]:
    return lambda held: held | {name: torch.zeros(shape)}


@pytest.mark.parametrize(
    ("layout", "change", "named"),
    [
        ("compact x2", _without("body.2.weight"), "body.0.bias"),
        ("compact x2", _without("body.3.weight"), "body.3.weight"),
        ("compact x2", _also("head.weight", 3), "head.weight"),
        ("compact x2", _also("body.900000.weight", 8, 8, 3, 3), "body.900000.weight"),
        ("compact x2", _also("body.0.weight", 8, 4, 3, 3), "body.0.bias"),
        ("RRDBNet x2", _also("conv_last.weight", 1, 8, 3, 3), "conv_last.weight"),
        ("RRDBNet x2", _also("conv_first.weight", 8, 9, 3, 3), "body.0.rdb1"),
        ("RRDBNet x2", _without("body.1.rdb3.conv5.bias"), "body.1.rdb3.conv5.bias"),
        ("RRDBNet x2", lambda _: {"model.diffusion": torch.zeros(2)}, "model.diffusion"),
    ],
)
def test_anything_else_is_refused_by_file_and_tensor(
    layout: str,
    change: Callable[[dict[str, Tensor]], dict[str, Tensor]],
    named: str,
    tmp_path: Path,
) -> None:
    path = tmp_path / "other.safetensors"
    save_file(change(dict(_made(LAYOUTS[layout][0]).state_dict())), path)
    with pytest.raises(CheckpointError, match=r"other\.safetensors") as caught:
        load_pixel_upscaler(path)
    assert named in str(caught.value)
    assert caught.value.mend


def test_a_pickle_is_never_opened(tmp_path: Path) -> None:
    path = tmp_path / "upscaler.pth"
    torch.save(_made(LAYOUTS["RRDBNet x2"][0]).state_dict(), path)
    with pytest.raises(CheckpointError, match=r"upscaler\.pth"):
        load_pixel_upscaler(path)
