"""A film that is delivered larger than it is made: its size, and what is planned for it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from reelwright.models import WeightSet
from reelwright.plan import Plan, StageKind
from reelwright.plan.capabilities import capabilities_for
from reelwright.plan.enlarging import enlarged_size
from reelwright.storyboard import LoadedFilm

Write = Callable[..., LoadedFilm]
Planner = Callable[..., Plan]


@pytest.mark.parametrize(
    ("size", "to", "wanted"),
    [
        ((768, 432), "2x", (1536, 864)),
        ((768, 432), "4x", (3072, 1728)),
        ((768, 432), "1080p", (1920, 1080)),
        ((768, 448), "1080p", (1852, 1080)),
        ((432, 768), "1440p", (1440, 2560)),
        ((256, 160), "4k", (3456, 2160)),
    ],
)
def test_a_factor_or_the_shorter_side_says_the_size(
    size: tuple[int, int], to: str, wanted: tuple[int, int]
) -> None:
    assert enlarged_size(size, to) == wanted


@pytest.fixture
def weights(tmp_path: Path) -> WeightSet:
    folder = tmp_path / "weights"
    folder.mkdir()
    for name in ("model", "upsampler", "refiner"):
        (folder / f"{name}.safetensors").write_bytes(name.encode() * 100)
    (folder / "text").mkdir()
    (folder / "text" / "config.json").write_text("{}")
    return WeightSet(
        "pocket", (folder / "model.safetensors",), folder / "text", "pocket",
        upsampler=folder / "upsampler.safetensors", refiner=folder / "refiner.safetensors",
        control="depth",
    )  # fmt: skip


class _Words:
    text, negative, notes = "words", "", ()


@pytest.fixture
def learned(plan: Planner, weights: WeightSet) -> Planner:
    def planner(loaded: LoadedFilm, tier: str, **more: Any) -> Plan:
        return plan(loaded, weights=[weights], arrange=lambda *_: _Words(), tier=tier, **more)

    return planner


def _film(write: Write, upscale: str = "") -> LoadedFilm:
    if not upscale:
        return write()
    return write(("[[music]]", f"[finish]\nupscale = {{ {upscale} }}\n[[music]]"))


def _recipes(plan: Plan, kind: StageKind) -> dict[str, dict[str, Any]]:
    return {stage.id: dict(stage.recipe) for stage in plan.of_kind(kind)}


def test_the_refined_pictures_are_kept_and_used_at_the_final_tier(
    write: Write, learned: Planner
) -> None:
    made = learned(_film(write, 'to = "2x"'), "final")
    width, height = made.stage("mux").recipe["size"]  # type: ignore[misc]
    assert [width, height] == [2 * side for side in _film(write).film.size]
    decoded = _recipes(made, StageKind.DECODE)
    shown = {name: recipe.get("large") for name, recipe in decoded.items()}
    assert all(large for name, large in shown.items() if not name.endswith(("-draft", "-standard")))
    assert not any(large for name, large in shown.items() if name.endswith(("-draft", "-standard")))
    finished = _recipes(made, StageKind.FINISH)
    for name, recipe in finished.items():
        wanted = {"size": [width, height], "refined": True}
        assert recipe.get("enlarged") == (None if "animatic" in name else wanted)
    assert made.stage("mux/animatic").recipe["size"] == list(_film(write).film.size)
    assert "refined pictures" in made.stage("finish/two").why


@pytest.mark.parametrize("tier", ["animatic", "standard"])
def test_lanczos_needs_nothing_of_the_clip(write: Write, learned: Planner, tier: str) -> None:
    plain, made = (learned(_film(write, up), tier) for up in ("", 'to = "2x"'))
    for kind in (StageKind.STAGE, StageKind.DECODE, StageKind.GENERATE, StageKind.MIX):
        keys = [{stage.id: stage.key for stage in each.of_kind(kind)} for each in (plain, made)]
        if kind is not StageKind.MIX:
            assert keys[0] == keys[1]
    assert made.stage("finish/two").recipe["enlarged"]["refined"] is False  # type: ignore[index, call-overload]
    assert plain.stage("finish/two").key != made.stage("finish/two").key
    assert made.stage("mux").estimate.seconds > plain.stage("mux").estimate.seconds


def test_a_refiner_costs_time(write: Write, learned: Planner) -> None:
    standard, final = (learned(_film(write), tier) for tier in ("standard", "final"))
    seconds = [plan.stage("decode/two#1").estimate.seconds for plan in (standard, final)]
    assert seconds[0] < seconds[1]


def test_a_film_in_its_own_size_has_no_word_of_it(write: Write, learned: Planner) -> None:
    made = learned(_film(write), "final")
    for stage in made:
        assert not {"enlarged", "large"} & set(stage.recipe)


def test_what_can_enlarge_is_what_is_installed(weights: WeightSet) -> None:
    assert capabilities_for(()).upscalers == {"lanczos"}
    assert capabilities_for([weights]).upscalers == {"lanczos", "pocket"}
    assert capabilities_for([replace(weights, refiner=None)]).upscalers == {"lanczos"}
