"""`plan`: what would run, where, how long, and why."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

from reelwright.cli.options import (
    AsJson,
    Checkpoint,
    Flag,
    Loras,
    Shots,
    TextEncoder,
    Upsampler,
    shot_names,
    weights_of,
)
from reelwright.cli.terminal import bytes_text, note, say, seconds_text, table

if TYPE_CHECKING:
    from reelwright.production import FilmPlan


def plan(
    storyboard: Path,
    /,
    *,
    machine: str | None = None,
    shots: Shots = None,
    tier: str | None = None,
    takes: int | None = None,
    checkpoint: Checkpoint = None,
    text_encoder: TextEncoder = None,
    upsampler: Upsampler = None,
    lora: Loras = None,
    replan: Flag = False,
    as_json: AsJson = False,
    work_dir: Path | None = None,
) -> None:
    """Say what would run, on what, with how much memory, for how long, and why.

    Parameters
    ----------
    storyboard
        The .toml file.
    machine
        Plan for a known machine instead of this one, e.g. rtx4060; "list" names them.
    shots
        Only these, e.g. approach,lamp.
    tier
        Wins over the storyboard's: animatic, draft, standard, final.
    takes
        Takes of every shot.
    checkpoint
        LTX-2.3 weights to plan for, instead of those that are installed.
    text_encoder
        Their text encoder, Gemma 3.
    upsampler
        Their latent upsampler.
    lora
        A LoRA, and how strongly it joins: --lora crane.safetensors 0.8. Again for each.
    replan
        Choose anew what plan.lock holds.
    as_json
        Print the whole plan, recipes and all, as JSON.
    work_dir
        Where artifacts lie; by default .reelwright beside the storyboard.
    """
    from reelwright.machine import preset, preset_names
    from reelwright.production import plan_film

    if machine == "list":
        for name in preset_names():
            say(name)
        return
    planned = plan_film(
        storyboard,
        machine=preset(machine) if machine else None,
        tier=tier,
        shots=shot_names(shots),
        takes=takes,
        replan=replan,
        work_dir=work_dir,
        weights=weights_of(checkpoint, text_encoder, upsampler, lora),
    )
    if as_json:
        facts = {**planned.plan.to_json(), "made": sorted(planned.made)}
        say(json.dumps(facts, indent=1, ensure_ascii=False))
    else:
        _print(planned)


def _print(planned: FilmPlan) -> None:
    film_plan = planned.plan
    for text in film_plan.notes:
        note(f"note: {text}")
    say(f"{film_plan.title} ({film_plan.label}), on {film_plan.machine}")
    say()
    rows = [
        (
            stage.id,
            stage.backend,
            stage.device,
            "made" if stage.id in planned.made else seconds_text(stage.estimate.seconds),
            bytes_text(stage.estimate.peak_ram_bytes),
            bytes_text(stage.estimate.disk_bytes),
            stage.why,
        )
        for stage in film_plan
    ]
    table(("stage", "by", "on", "time", "memory", "disk", "why"), rows, right=(3, 4, 5))
    todo = [stage for stage in film_plan if stage.id not in planned.made]
    total = film_plan.total(todo)
    say()
    say(
        f"{len(todo)} of {len(film_plan.stages)} stages to run: about "
        f"{seconds_text(total.seconds)}, at most {bytes_text(total.peak_ram_bytes)} of memory, "
        f"{bytes_text(total.disk_bytes)} of disk."
    )
    if total.samples:
        say("Times and memory are corrected by what this machine took before.")
