"""The counting rules of the pocket's table: each must tell right from wrong."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from tools.pocket.adherence import best_shift, places_missed
from tools.pocket.clips import Clip
from tools.pocket.codec import psnr
from tools.pocket.measures import heard, silhouettes, statistics, words
from tools.pocket.measures.doubled import sharpness
from tools.pocket.measures.lines import Lines
from tools.pocket.measures.maker import Given, Maker, guides, resized
from tools.pocket.measures.page import END, START, keep_curves, put_table
from tools.pocket.measures.pictures import judged, likeness, pops
from tools.pocket.measures.rows import MAIN, ROWS
from tools.pocket.measures.scenes import FASTEST_M_S, is_gentle, measured_seeds, staging_of
from tools.pocket.measures.silhouettes import learned, silhouette
from tools.pocket.measures.table import (
    Cell,
    differences,
    markdown,
    read_table,
    table_of,
    write_table,
)
from tools.pocket.scenes import is_held_out
from tools.pocket.sounds import sound_track
from tools.pocket.voices import RATE
from tools.pocket.words import COLORS
from torch import Tensor

HEIGHT, WIDTH, FRAMES = 64, 96, 25


def painted(color: str, shape: str = "box", size: int = 30) -> Tensor:
    """A thing of a colour on a grey floor, [3, H, W] in [-1, 1]."""
    picture = torch.full((3, HEIGHT, WIDTH), 0.1)
    rows, columns = torch.meshgrid(torch.arange(HEIGHT), torch.arange(WIDTH), indexing="ij")
    down, right = rows - HEIGHT // 2, columns - WIDTH // 2
    half = size / 2
    far = (down**2 + right**2).float().sqrt()
    own = {
        "box": (down.abs() < half) & (right.abs() < half),
        "sphere": far < half,
        "torus": (far < half) & (far > half * 0.45),
        "cone": (down.abs() < half) & (right.abs() < (down + half) / 2),
    }[shape]
    picture[:, own] = (torch.tensor(COLORS[color]).float() / 127.5 - 1)[:, None]
    return picture


def clip_of_square(way: float = 1.0) -> Clip:
    """A red square that goes right by so many pixels a frame."""
    frames = torch.full((FRAMES, HEIGHT, WIDTH, 3), 120, dtype=torch.uint8)
    mask = torch.zeros(FRAMES, HEIGHT, WIDTH, dtype=torch.uint8)
    for frame in range(FRAMES):
        left = 20 + round(way * frame)
        frames[frame, 20:40, left : left + 20] = torch.tensor([200, 40, 40], dtype=torch.uint8)
        mask[frame, 20:40, left : left + 20] = 1
    motion = torch.zeros(FRAMES - 1, HEIGHT, WIDTH, 2)
    motion[..., 0] = way * (mask[:-1] > 0)
    return Clip(frames, mask * 200, {"frame_rate": 24.0}, mask, motion)


def test_scenes_are_held_out_and_gentle_but_not_still() -> None:
    seeds = measured_seeds(3)
    assert all(map(is_held_out, seeds))
    staging = staging_of(seeds[0])
    assert is_gentle(staging)
    still = replace(
        staging, things=tuple(replace(thing, motion="still") for thing in staging.things)
    )
    fast = replace(
        staging,
        things=tuple(replace(thing, pace=2 * FASTEST_M_S) for thing in staging.things),
    )
    assert not is_gentle(still)
    assert not is_gentle(fast)
    assert not is_gentle(replace(staging, things=staging.things * 4))


def test_the_truth_is_where_it_is_staged_and_a_late_clip_is_not() -> None:
    clip = clip_of_square()
    late = torch.cat([clip.pixels[:, :1].expand(-1, 4, -1, -1), clip.pixels[:, :-4]], dim=1)
    assert places_missed(clip.pixels, clip) == 0
    assert places_missed(late, clip) == pytest.approx(4, abs=0.5)
    assert math.isnan(places_missed(clip.pixels, clip_of_square(way=0)))


def test_a_shift_is_found_in_its_direction() -> None:
    clip = clip_of_square()
    assert clip.mask is not None
    truth, own = clip.pixels[:, 12], clip.mask[12] == 1
    assert best_shift(truth.roll((3, -5), (1, 2)), truth, own) == (3, -5)


def test_following_the_stage_beats_standing_still() -> None:
    clip = clip_of_square()
    frozen = clip.pixels[:, :1].expand_as(clip.pixels)
    true, stuck = judged(clip.pixels, clip), judged(frozen, clip)
    assert true["motion"] > 0.95
    assert stuck.get("motion", 0.0) < 0.5 or math.isnan(stuck["motion"])
    assert true["all"] > stuck["all"] + 10
    assert true["place"] < stuck["place"]


def test_a_pop_between_groups_is_seen_at_borders_only() -> None:
    clip = clip_of_square()
    even = pops(clip.pixels)
    popped = clip.pixels.clone()
    popped[:, 9:17] += 0.1
    jump = pops(popped)
    assert jump["border"] > even["border"] + 0.02
    assert jump["beside"] == pytest.approx(even["beside"], abs=1e-4)


def test_likeness_counts_the_middle_and_the_end_by_themselves() -> None:
    clip = clip_of_square()
    spoilt = clip.pixels.clone()
    spoilt[:, -1] = 1
    row, true = likeness(spoilt, clip.pixels), likeness(clip.pixels, clip.pixels)
    assert row["last"] < 20 < true["last"]
    assert row["middle"] == true["middle"]


@pytest.mark.parametrize("pair", [("red", "green"), ("blue", "yellow"), ("purple", "green")])
def test_colours_count_as_followed_unless_they_are_swapped(pair: tuple[str, str]) -> None:
    one, other = (painted(color)[:, None].expand(-1, 3, -1, -1) for color in pair)
    assert words.both_followed(one, other, pair)
    assert not words.both_followed(other, one, pair)
    assert not words.both_followed(one, one, pair)


@pytest.mark.parametrize("color", words.ASKED)
def test_a_hue_has_its_own_word_in_light_and_in_shade(color: str) -> None:
    for shade in (1.0, 0.6):
        pixels = (painted(color) + 1) * shade - 1
        own = torch.zeros(1, HEIGHT, WIDTH, dtype=torch.bool)
        own[:, 28:36, 44:52] = True
        assert words.nearest_word(words.color_of(pixels[:, None], own)) == color
    assert words.nearest_word(torch.tensor([50.0, 1.0, 1.0])) == ""


def test_a_colour_word_is_changed_as_a_word() -> None:
    assert words.reworded("a red ball, checkered floor", "red", "blue") == (
        "a blue ball, checkered floor"
    )
    assert words.reworded("a red ball and a red box", "red", "blue") is None
    assert words.reworded("a ball", "red", "blue") is None


def test_captions_differ_in_the_asked_word_alone() -> None:
    asked = words.Asked.of(3)
    one, other = asked.colors()
    assert one != other
    caption = asked.caption(one, asked.shape())
    assert words.reworded(caption, one, other) == asked.caption(other, asked.shape())


def test_shapes_are_told_by_their_silhouettes() -> None:
    features, labels = [], []
    for shape in words.SHAPES:
        for size in range(24, 48, 3):
            found = silhouette(painted("red", shape, size), "red")
            assert found is not None
            features.append(found)
            labels.append(shape)
    shapes = learned(torch.stack(features), labels)
    for shape in words.SHAPES:
        found = silhouette(painted("red", shape, 40), "red")
        assert found is not None
        assert shapes.name_of(found) == shape
    assert silhouette(painted("green"), "red") is None


def test_of_two_patches_the_larger_one_counts() -> None:
    picture = painted("red", "sphere", 36)
    picture[:, :6, :6] = picture[:, HEIGHT // 2, WIDTH // 2, None, None]
    alone, both = silhouette(painted("red", "sphere", 36), "red"), silhouette(picture, "red")
    assert alone is not None
    assert both is not None
    assert torch.allclose(alone, both)


def a_fall() -> dict[str, object]:
    """Facts of a box that lands half a second in, on the right."""
    count = FRAMES
    path = np.zeros((count, 3))
    path[:13, 2] = np.linspace(1, 0, 13) ** 2
    box = {
        "kind": "box", "size": [1.0, 1.0, 1.0], "path": path.tolist(),
        "centre": [[0.85, 0.5]] * count, "distance": [4.0] * count,
        "events": [{"frame": 12, "kind": "impact"}],
    }  # fmt: skip
    scene = {"objects": [box], "ground": "plain", "light": {"sun_elevation_deg": 20.0}}
    return {"seed": 5, "frame_rate": 24.0, "num_frames": count, "scene": scene}


def test_onsets_are_late_by_as_much_as_the_sound_is() -> None:
    facts = a_fall()
    true = sound_track(facts)
    late = np.roll(true, round(0.12 * RATE), axis=1)
    assert np.abs(heard.heard(true, RATE, facts)["lags"]).max() <= 10
    assert heard.heard(late, RATE, facts)["lags"] == pytest.approx([120], abs=10)


def test_swapped_sides_turn_the_correlation_round() -> None:
    facts = a_fall()
    true = sound_track(facts)
    swing = np.linspace(0.2, 1, true.shape[1], dtype=np.float32)
    moving = true * np.stack([1.2 - swing, swing])
    sides = heard.pans(moving, moving, RATE)
    turned = heard.pans(moving, moving[::-1], RATE)
    assert statistics.pooled_correlation([[sides]]) > 0.99
    assert statistics.pooled_correlation([[turned]]) < -0.99


def test_what_was_made_small_and_large_again_is_less_sharp() -> None:
    picture = painted("red")[:, None]
    small = resized(picture, (WIDTH // 2, HEIGHT // 2))
    back = resized(small, (WIDTH, HEIGHT))
    assert back.shape == picture.shape
    assert sharpness(back) < 0.9 * sharpness(picture)


def test_guides_are_what_is_given_and_no_more() -> None:
    clip = clip_of_square()
    pictures, controls = guides(clip, Given(first=True, depth=True))
    assert [picture.frame for picture in pictures] == [0]
    assert torch.equal(controls[0].pixels[..., 0], clip.depth)
    pictures, controls = guides(clip, Given(last=True))
    assert [picture.frame for picture in pictures] == [FRAMES - 1]
    assert torch.equal(pictures[0].pixels, clip.frames[-1:])
    assert not controls


def test_a_clip_is_made_by_the_products_own_path_and_begins_as_given() -> None:
    maker = Maker.installed()
    clip = clip_of_square()
    small = replace(clip, frames=clip.frames[:9, :, :64], depth=clip.depth[:9, :, :64])
    made = maker.make_like(small, Given(first=True, depth=True), 3, "a red box on the floor")
    pixels = maker.pixels(made)
    assert pixels.shape == (3, 9, HEIGHT, 64)
    assert psnr(pixels[:, 0], small.pixels[:, 0]) > 20
    sound = maker.sound(made)
    assert sound is not None
    assert 0.2 < sound.duration_s < 0.5
    again = maker.make_like(small, Given(first=True, depth=True), 3, "a red box on the floor")
    assert torch.equal(maker.pixels(again), pixels)
    assert len(maker.digest) == 16


def lines_with(path: Path, gain: float = 0.0, clips: int = 40) -> Lines:
    lines = Lines.open(path, "weights")
    rng = np.random.default_rng(1)
    for clip in range(clips):
        noise = float(rng.normal())
        lines.add("staged", clip, 0, {"fade_all": 25.0, "true_motion": 0.9})
        for seed in range(2):
            lines.add(
                MAIN, clip, seed, {"all": 28.0 + noise + gain, "lags": [4.0 * (37 * clip % 40)]}
            )
    return lines


def test_a_stopped_run_goes_on_and_other_weights_begin_anew(tmp_path: Path) -> None:
    file = tmp_path / "lines.jsonl"
    lines_with(file)
    with file.open("a") as text:
        text.write('{"part": "cut sh')
    again = Lines.open(file, "weights")
    assert again.has(MAIN, 39, 1)
    assert not again.has(MAIN, 40)
    again.add(MAIN, 40, 0, {"all": math.nan, "last": 30.0})
    assert Lines.open(file, "weights").found[MAIN, 40, 0] == {"last": 30.0}
    assert not Lines.open(file, "others").found


def test_the_table_has_means_gains_and_errors(tmp_path: Path) -> None:
    table = table_of(lines_with(tmp_path / "lines.jsonl"))
    section = "Made from first, last, depth"
    all_, gain = (
        table[f"{section}: whole picture"],
        table[f"{section}: above the cross-fade, whole picture"],
    )
    assert gain.value == pytest.approx(all_.value - 25.0)
    assert (all_.clips, all_.lines) == (40, 80)
    assert 0.08 < all_.error < 0.25  # deviation 1 over 40 clips
    assert table["Sound: impacts: median time to their onset"].value == pytest.approx(78.0)
    assert "| whole picture | " in markdown(table)
    write_table(tmp_path / "table.json", table, "weights")
    back, weights = read_table(tmp_path / "table.json")
    assert weights == "weights"
    assert back.keys() == table.keys()


def test_a_check_passes_within_noise_and_fails_beyond_it(tmp_path: Path) -> None:
    committed = table_of(lines_with(tmp_path / "one"))
    assert differences(committed, committed) == []
    fewer = table_of(lines_with(tmp_path / "two", clips=20))
    assert differences(committed, fewer) == []
    better = table_of(lines_with(tmp_path / "three", gain=0.3))
    assert any("whole picture" in text for text in differences(committed, better))
    missing = {key: cell for key, cell in committed.items() if "onset" not in key}
    assert any("not measured now" in text for text in differences(committed, missing))
    few = {key: Cell(cell.value, cell.error, 2, 2) for key, cell in missing.items()}
    assert not any("not measured now" in text for text in differences(committed, few))


def test_noise_of_a_part_shrinks_with_its_clips_and_times_are_not_compared() -> None:
    assert statistics.tolerance(0.2, 200, 200, 0.1) == pytest.approx(0.1)
    few, more = (statistics.tolerance(0.2, 200, count, 0.1) for count in (10, 100))
    assert few > more > 0.1
    seconds = next(row.key for row in ROWS if row.unit == "s")
    one, other = ({seconds: Cell(value, math.nan, 1, 1)} for value in (3.0, 9.0))
    assert differences(one, other) == []


def test_every_row_has_a_name_of_its_own() -> None:
    assert len({row.key for row in ROWS}) == len(ROWS)


def test_the_page_keeps_what_people_wrote(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text(f"before\n{START}\nold\n{END}\nafter\n")
    put_table(page, "new")
    text = page.read_text()
    assert text.startswith("before\n")
    assert text.endswith(f"{END}\nafter\n")
    assert "new" in text
    assert "old" not in text


def test_curves_are_thinned_but_every_judgement_stays(tmp_path: Path) -> None:
    source = tmp_path / "joint" / "curves.jsonl"
    source.parent.mkdir()
    rows = [f'{{"step": {k}, "seconds": {k}, "loss": 1.0}}' for k in range(2000)]
    rows[900:900] = ['{"step": 900, "seconds": 900, "held_out": {}}']
    rows += [f'{{"step": {k}, "seconds": {k}, "loss": 3.0}}' for k in range(1900, 2010)]
    rows += ['{"step": 2010, "seconds": 2010, "held_out": {}}']
    source.write_text("\n".join(rows))
    kept = keep_curves([source], tmp_path / "kept.jsonl")
    assert sum("held_out" in line for line in kept) == 2
    assert len(kept) < 300
    # the second way from step 1900 on is the one that was gone on from
    assert max(line["loss"] for line in kept if line["step"] > 1920 and "loss" in line) == 3
    assert min(line["loss"] for line in kept if line["step"] > 1920 and "loss" in line) == 3
    assert keep_curves([tmp_path / "gone"], tmp_path / "kept.jsonl") == kept


def test_the_classifier_states_what_it_gets_right() -> None:
    features = torch.stack([torch.tensor([k % 2 + 0.01 * k, 0.0]) for k in range(20)])
    labels = [("one", "other")[k % 2] for k in range(20)]
    first = torch.arange(20) < 10
    assert silhouettes.right_share(features, labels, first, ~first) == 1.0
