"""Every sample is covered once: no holes, no doubles, whatever the triangles' size."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from reelwright.stage.antialiasing import grid_surfaces
from reelwright.stage.camera import scene_view
from reelwright.stage.frame_geometry import frame_geometry
from reelwright.stage.projection import ScreenTriangles, cut
from reelwright.stage.samples import (
    NUM_SUBSAMPLES,
    PixelGrid,
    SubsampleGrid,
    subsample_grids,
)
from reelwright.stage.scanline import fragments
from reelwright.stage.selection import repeated, spans_of_at_most
from reelwright.stage.visibility import NOTHING, nearest

CPU = torch.device("cpu")


def _screen(points, faces):
    points = torch.tensor(points, dtype=torch.float32)
    faces = torch.tensor(faces, dtype=torch.int64).T
    x, y = (points[:, axis][faces] for axis in (0, 1))
    return ScreenTriangles(x, y, torch.ones_like(x), torch.arange(faces.shape[1]))


def _counts(triangles, grid):
    counts = torch.zeros(grid.num_samples, dtype=torch.int64)
    for piece in fragments(triangles, grid):
        counts += torch.bincount(piece.sample, minlength=grid.num_samples)
    return counts


def _torn_sheet(cells, size, seed, spread):
    """A sheet of jittered triangles that covers more than the picture."""
    chance = np.random.default_rng(seed)
    line = np.linspace(-0.2, 1.2, cells + 1)
    x, y = np.meshgrid(line * size[0], line * size[1])
    step = 1.4 * np.array(size) / cells
    inner = np.zeros_like(x)
    inner[1:-1, 1:-1] = spread
    x = x + inner * chance.uniform(-0.25, 0.25, x.shape) * step[0]
    y = y + inner * chance.uniform(-0.25, 0.25, x.shape) * step[1]
    row = cells + 1
    first = (np.arange(cells)[:, None] * row + np.arange(cells)).reshape(-1)
    faces = np.concatenate(
        [
            np.stack([first, first + 1, first + row + 1], 1),
            np.stack([first, first + row + 1, first + row], 1),
        ]
    )
    return np.stack([x.ravel(), y.ravel()], 1), faces


@pytest.mark.parametrize(
    ("cells", "spread"), [(1, 0), (3, 0.9), (17, 0.9), (90, 0.9), (400, 0.9), (64, 0.0)]
)
def test_a_sheet_covers_every_sample_once(cells, spread):
    size = (96, 64)
    triangles = _screen(*_torn_sheet(cells, size, cells, spread))
    assert (_counts(triangles, PixelGrid(size, CPU)) == 1).all()
    every = torch.arange(size[0] * size[1])
    assert (_counts(triangles, SubsampleGrid.of(every, (0, size[1]), size)) == 1).all()


def test_edges_through_sample_points_belong_to_one_side():
    # Corners on pixel centres: every edge passes exactly through samples.
    points = [[0.5, 0.5], [8.5, 0.5], [8.5, 8.5], [0.5, 8.5], [4.5, 4.5]]
    faces = [[0, 1, 4], [1, 2, 4], [2, 3, 4], [3, 0, 4]]
    counts = _counts(_screen(points, faces), PixelGrid((12, 12), CPU)).reshape(12, 12)
    expected = torch.zeros(12, 12, dtype=torch.int64)
    expected[0:8, 0:8] = 1
    assert torch.equal(counts, expected)


def test_nothing_is_found_off_the_picture_or_in_flat_triangles():
    points = [[-9, -9], [-1, -9], [-5, -1], [3, 3], [5, 5], [7, 7], [20, 2], [30, 2], [25, 9]]
    triangles = _screen(points, [[0, 1, 2], [3, 4, 5], [6, 7, 8]])
    assert not _counts(triangles, PixelGrid((16, 16), CPU)).any()


def test_fragments_agree_with_the_inside_test():
    chance = np.random.default_rng(1)
    size = (40, 30)
    points = chance.uniform(-10, 50, (60, 2))
    triangles = _screen(points, np.arange(60).reshape(20, 3))
    counts = _counts(triangles, PixelGrid(size, CPU)).reshape(size[1], size[0]).numpy()
    x, y = np.meshgrid(np.arange(size[0]) + 0.5, np.arange(size[1]) + 0.5)
    expected = np.zeros_like(counts)
    for a, b, c in points.reshape(20, 3, 2):
        sides = [
            (q[0] - p[0]) * (y - p[1]) - (q[1] - p[1]) * (x - p[0])
            for p, q in ((a, b), (b, c), (c, a))
        ]
        expected += np.all([s > 0 for s in sides], 0) | np.all([s < 0 for s in sides], 0)
    assert (counts == expected).all()


def test_nearness_is_that_of_the_plane():
    triangles = ScreenTriangles(
        torch.tensor([[2.0], [60.0], [10.0]]),
        torch.tensor([[1.0], [20.0], [40.0]]),
        torch.tensor([[0.1], [0.5], [2.0]]),
        torch.tensor([7]),
    )
    grid = PixelGrid((64, 48), CPU)
    (piece,) = list(fragments(triangles, grid))
    matrix = torch.cat((triangles.x, triangles.y, torch.ones(3, 1)), 1).double()
    plane = torch.linalg.solve(matrix, triangles.nearness.double())
    x, y = grid.places(piece.sample).double()
    expected = plane[0] * x + plane[1] * y + plane[2]
    assert (piece.triangle == 7).all()
    assert torch.allclose(piece.nearness.double(), expected, rtol=2e-5)


def test_the_nearest_wins_and_ties_go_to_the_lowest_number():
    one = ScreenTriangles(
        torch.tensor([[0.0] * 3, [9.0] * 3, [0.0] * 3]),
        torch.tensor([[0.0] * 3, [0.0] * 3, [9.0] * 3]),
        torch.tensor([[1.0, 2.0, 2.0]] * 3),
        torch.tensor([1, 5, 3]),
    )
    found = nearest(fragments(one, PixelGrid((4, 4), CPU)), 16, CPU)
    assert (found.triangle == 3).all()
    assert (found.nearness == 2).all()
    nothing = nearest([], 4, CPU)
    assert (nothing.triangle == NOTHING).all()


def test_a_tessellated_wall_has_no_holes(kit):
    scene = kit.scene(
        [{"prop": "wall", "at": [0, 0, 1], "turn_deg": [0, 0, 13]}],
        camera={"at": [0, -1.2, 1.1], "look_at": [0, 0, 1], "roll_deg": 23},
    )
    drawn = kit.draw(scene, {"wall": kit.wall(3.0, cells=120, jitter=0.8)})
    assert (drawn.mask == 1).all()


def test_subsamples_see_what_eight_shifted_pictures_see(kit):
    scene = kit.scene([{"prop": "ball", "at": [0, 0, 1]}, {"prop": "box", "at": [1, 1, 0.5]}])
    renderer = kit.renderer(scene, {"ball": kit.sphere(12, 0.7), "box": kit.box()})
    view, places = scene_view(scene, 0), renderer.cast.places(scene, 0)
    geometry = frame_geometry(renderer.cast, view, places)
    marks = torch.zeros(view.size[0] * view.size[1], dtype=torch.bool)
    marks[np.random.default_rng(0).choice(len(marks), 3000, replace=False)] = True
    (grid,) = list(subsample_grids(marks, view.size))
    some = grid_surfaces(geometry, grid, 0.0).solid
    every = torch.arange(len(marks))
    full = grid_surfaces(geometry, SubsampleGrid.of(every, (0, view.size[1]), view.size), 0.0).solid
    expected = full.reshape(-1, NUM_SUBSAMPLES)[grid.pixels].reshape(-1)
    assert torch.equal(some, expected)


def test_cutting_at_a_plane_keeps_the_area_on_its_side():
    chance = torch.Generator().manual_seed(3)
    points = torch.rand((3, 3, 200), generator=chance) * 2 - 1
    distance = points[:, 2] - 0.1
    pieces, source = cut(points, distance)
    assert (pieces[:, 2] > 0.1 - 1e-6).all()

    def area(p):
        return torch.linalg.cross(p[1] - p[0], p[2] - p[0], dim=0).norm(dim=0) / 2

    other, _ = cut(points, -distance)
    total = float(area(pieces).sum() + area(other).sum())
    assert total == pytest.approx(float(area(points).sum()), rel=1e-4)
    assert set(source.tolist()) == set(torch.nonzero((distance > 0).any(0)).flatten().tolist())


def test_runs_are_bounded_and_complete():
    counts = torch.tensor([3, 0, 0, 9, 1, 1, 1, 0, 30, 2])
    runs = spans_of_at_most(counts, 5)
    assert [a for a, _ in runs] == [0, *[b for _, b in runs[:-1]]]
    assert runs[-1][1] == len(counts)
    assert all(int(counts[a : b - 1].sum()) <= 5 + 5 for a, b in runs)
    owner, rank = repeated(counts)
    assert owner.tolist()[:4] == [0, 0, 0, 3]
    assert rank.tolist()[:5] == [0, 1, 2, 0, 1]
    assert spans_of_at_most(torch.zeros(0, dtype=torch.int64), 5) == []
