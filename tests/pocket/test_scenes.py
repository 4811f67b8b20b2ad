"""The staged clips: the same for a seed, true to their motion, apart where they are held out."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from tools.pocket import staged
from tools.pocket.captions import VOCABULARY, mirrored, split
from tools.pocket.depth import depth_to_grey
from tools.pocket.film_scenes import draw_film_scene
from tools.pocket.make_pool import facts_of, make_clip
from tools.pocket.motions import MOTIONS, moved
from tools.pocket.pool import Pool, PoolClip, write_shard
from tools.pocket.render import Caster
from tools.pocket.scenes import draw_staging, is_held_out
from tools.pocket.sea import Sea
from tools.pocket.shapes import KINDS, distance, meet, normal_at, reach
from tools.pocket.words import HELD_OUT_PAIRS

from reelwright.stage import Renderer
from reelwright.stage.waves import Waves

SMALL = (128, 96)
SIZES = {
    "sphere": (0.5, 0.5, 0.5), "box": (0.4, 0.3, 0.5), "cylinder": (0.4, 0.0, 0.5),
    "cone": (0.4, 0.0, 0.5), "torus": (0.4, 0.0, 0.12),
}  # fmt: skip


@pytest.mark.parametrize("kind", KINDS)
def test_rays_end_on_the_surface_and_normals_are_its_slope(kind: str) -> None:
    rng = torch.Generator().manual_seed(3)
    size = SIZES[kind]
    start = torch.nn.functional.normalize(torch.randn(3, 4000, generator=rng), dim=0) * 3
    way = 0.4 * torch.randn(3, 4000, generator=rng) - start
    t, face = meet(kind, size, start, way)
    hit = torch.isfinite(t)
    assert hit.sum() > 500
    at, face = (start + t * way)[:, hit], face[hit]
    assert distance(kind, size, at).abs().max() < 2e-3
    assert at.norm(dim=0).max() < reach(kind, size) + 1e-3
    normal = normal_at(kind, size, at, face)
    out = distance(kind, size, at + 0.01 * normal)
    assert float((out - 0.01).abs().quantile(0.98)) < 2e-3
    assert ((normal * way[:, hit]).sum(0) < 1e-3).float().mean() > 0.99


def test_rays_that_miss_stay_outside() -> None:
    start, way = torch.tensor([[0.0], [-3.0], [1.2]]), torch.tensor([[0.0], [1.0], [0.0]])
    for kind in KINDS:
        assert torch.isinf(meet(kind, SIZES[kind], start, way)[0]).all()


def test_a_seed_draws_the_same_clip_and_another_seed_another() -> None:
    first, again = (Caster(draw_staging(24, SMALL, 9)).frame(4) for _ in range(2))
    other = Caster(draw_staging(25, SMALL, 9)).frame(4)
    for one, two in zip(first, again, strict=True):
        assert np.array_equal(one, two)
    assert not np.array_equal(first[0], other[0])


@pytest.mark.parametrize("seed", [4, 27, 36])
def test_motion_leads_each_pixel_to_where_it_is_next(seed: int) -> None:
    caster = Caster(draw_staging(seed, SMALL, 25))
    (now, _, mask, motion), (then, _, mask_then, _) = (caster.frame(number) for number in (12, 13))
    warped, there = _warped(then, motion), _warped(mask_then[..., None], motion)[..., 0]
    same = (np.abs(there - mask) < 0.01) & (mask > 0)
    still = np.abs(then.astype(float) - now)[same].mean()
    assert same.sum() > 50
    assert np.abs(warped - now)[same].mean() < 0.35 * still


def _warped(picture: NDArray[np.uint8], motion: NDArray[np.float16]) -> NDArray[np.float32]:
    """The next frame brought back onto this one."""
    height, width = picture.shape[:2]
    rows, columns = np.mgrid[0:height, 0:width]
    x = (columns + 0.5 + motion[..., 0]) / width * 2 - 1
    y = (rows + 0.5 + motion[..., 1]) / height * 2 - 1
    grid = torch.from_numpy(np.stack((x, y), -1).astype(np.float32))[None]
    field = torch.from_numpy(picture.astype(np.float32)).permute(2, 0, 1)[None]
    back = torch.nn.functional.grid_sample(field, grid, align_corners=False)
    return np.asarray(back[0].permute(1, 2, 0))


def test_it_draws_what_the_stage_draws(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(staged, "BUILT", tmp_path)
    staging = draw_staging(23, SMALL, 9)
    assert {thing.texture for thing in staging.things} == {"plain"}
    color, depth, mask, motion = Caster(staging).frame(4)
    geometries = {str(n): staged._geometry(thing) for n, thing in enumerate(staging.things)}
    frame = Renderer(staged.scene_of(staging), geometries, torch.device("cpu")).render(4)
    same = (mask == frame.mask) & np.isfinite(frame.depth)
    assert (mask == frame.mask).mean() > 0.995
    assert np.percentile(np.abs(depth[same] / frame.depth[same] - 1), 98) < 1e-3
    assert np.percentile(np.abs(motion - frame.motion)[same], 98) < 0.02
    assert _psnr(color, frame.color) > 36  # 42 measured at 256x160


def _psnr(one: NDArray[np.uint8], two: NDArray[np.uint8]) -> float:
    return float(-10 * np.log10((((one - two.astype(float)) / 255) ** 2).mean()))


def test_held_out_seeds_and_pairs_never_train() -> None:
    held, trained = [], []
    for seed in range(600):
        staging = draw_staging(seed, SMALL, 9)
        assert staging.held_out == is_held_out(seed) == (seed % 20 == 19)
        pairs = [(thing.color, thing.kind) for thing in staging.things]
        (held if staging.held_out else trained).extend(pairs)
    assert not HELD_OUT_PAIRS & set(trained)
    assert len(HELD_OUT_PAIRS & set(held)) >= 3
    assert len(set(trained)) > 50


def test_captions_use_known_words_and_turn_over_with_the_picture() -> None:
    lengths = []
    for seed in range(60):
        for draw in (draw_staging, draw_film_scene):
            for caption in facts_of(draw(seed, SMALL, 9), (1.0, 2.0))["captions"]:
                assert set(split(caption)) <= set(VOCABULARY)
                assert mirrored(mirrored(caption)) == caption
                lengths.append(len(split(caption)))
    assert 8 < np.median(lengths) < 40
    assert max(lengths) < 70
    assert mirrored("a ball left of the box, truck-right") == "a ball right of the box, truck-left"


def test_depth_becomes_grey_by_the_shots_own_range() -> None:
    depth = np.linspace(2, 20, 2 * 40 * 50, dtype=np.float32).reshape(2, 40, 50)
    depth[:, :3] = np.inf
    grey = depth_to_grey(depth)
    assert (grey[:, :3] == 0).all()
    assert (np.diff(grey[:, 3:].reshape(2, -1).astype(int)) <= 0).all()
    assert grey.max() == 255
    assert (depth_to_grey(np.full((1, 4, 4), np.inf, np.float32)) == 0).all()


@pytest.mark.parametrize("motion", MOTIONS)
def test_motions_are_gentle_and_events_lie_where_they_happen(motion: str) -> None:
    times = np.arange(25) / 24
    home = np.array([0.0, 0.0, 0.4])
    for seed in range(20):
        way = moved(motion, np.random.default_rng(seed), times, home, 0.6, 0.4)
        speed = np.linalg.norm(np.diff(way.path, axis=0), axis=1) * 24
        assert speed.max() < (3.5 if motion in ("fall", "bounce") else 1.1)
        for frame, kind in way.events:
            assert 0 <= frame < 25
            if kind == "impact":
                assert way.path[frame, 2] < home[2] + 0.1


def test_a_pool_gives_back_what_was_written_and_sees_new_shards(tmp_path: Path) -> None:
    clips = [make_clip(seed, (64, 64, 9)) for seed in (3, 19)]
    write_shard(tmp_path, "clips-000-a", clips[:1])
    pool = Pool.open(tmp_path)
    assert len(pool) == 1
    (tmp_path / ".clips-000-b.part").write_bytes(b"half")
    write_shard(tmp_path, "clips-000-b", [_without_motion(clip) for clip in clips])
    assert pool.refresh() == 2
    assert pool.sizes == [(9, 64, 64)] * 3
    assert pool.indices((9, 64, 64)) == [0, 1]
    assert pool.indices(held_out=True) == [2]
    read = pool.clip(0)
    for name in ("frames", "depth", "mask", "motion"):
        assert np.array_equal(getattr(read, name), getattr(clips[0], name))
    assert pool.clip(2).motion is None
    assert pool.clip(2).facts["seed"] == 19
    objects = pool.clip(1).facts["scene"]["objects"]
    assert all(len(thing["centre"]) == len(thing["path"]) == 9 for thing in objects)


def _without_motion(clip: PoolClip) -> PoolClip:
    return PoolClip(clip.frames, clip.depth, clip.mask, None, clip.facts)


def test_the_sea_is_the_stages_own() -> None:
    device = torch.device("cpu")
    uv = torch.rand(2, 500, generator=torch.Generator().manual_seed(1))
    ours, theirs = Sea.of(1.2, device).at(3.5), Waves.of(1.2).at(3.5, device)
    for level in (0.0, 1.5, 4.0):
        lod = torch.full((500,), level)
        one, two = ours.read(uv, lod), theirs.read(uv, lod)
        assert (one - two).abs().max() < 2e-3 * two.abs().max()
