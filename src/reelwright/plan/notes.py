"""What a person is told about a plan before anything runs: what is trimmed, cropped or not heard.

Nothing is rounded, dropped or left out silently; each sentence names both values.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from typing import TYPE_CHECKING

from reelwright.plan.capabilities import Backend, Capabilities
from reelwright.plan.model_settings import has_second_pass, model_choices
from reelwright.plan.ways import Way
from reelwright.shapes import generation_size

if TYPE_CHECKING:
    from reelwright.plan.sketch import Sketch
    from reelwright.plan.ways import GuardedShot
    from reelwright.storyboard import Film, Shot


def weight_notes(sketch: Sketch, asked: str | None) -> tuple[str, ...]:
    """What a person is told of the weights that make the clips, and of what they cannot do."""
    files = sketch.weights
    if files is None:
        return ()
    facts, tier = files.to_json(), sketch.tier
    megabytes = facts["bytes"] / 1e6
    best = "" if asked else ", the best that is installed"
    name = (
        f"{facts['label']} ({facts['name']})" if facts["name"] != facts["label"] else facts["label"]
    )
    notes = [
        f"The film is generated as {tier}{best}, with the {name} weights: {facts['num_files']} "
        f"files, {megabytes:,.0f} MB."
    ]
    if not has_second_pass(files.weights):
        what = (
            "There is no latent upsampler among the weights"
            if files.weights.upsampler is None
            else "The weights are not distilled, and no LoRA refines what they make"
        )
        notes.append(f"{what}: draft and standard are the same, one pass at full size.")
    last = sketch.graph.lock.weights
    if last and last.get("sha256") != facts["sha256"]:
        notes.append(
            f"The film was last made with other weights ({last.get('label', 'unknown')}): its "
            "clips are made anew."
        )
    return (*notes, *_shot_model_notes(sketch))


def animatic_note() -> str:
    """That there will be two files."""
    return "The animatic is written beside the film: what the model was given to follow."


def kept_notes(guarded: Sequence[GuardedShot]) -> Iterator[str]:
    """Clips that are not made as the storyboard says, since that one broke a guard."""
    for each in guarded:
        if each.tries.kept:
            yield (
                f"{each.shot}: made with {Way(each.tries.kept).words}, since its first clip broke "
                "a guard; the report says which. `--remedies off` takes the first."
            )


def _shot_model_notes(sketch: Sketch) -> Iterator[str]:
    """Settings that can have no effect, or hurt."""
    for shot in sketch.shots:
        files, model = sketch.weights, shot.model
        if files is None:
            return
        choices = model_choices(shot, files.weights, shot.is_staged)
        if choices.distilled and (choices.guidance or 1.0) > 1.0:
            yield (
                f"{shot.id}: a guidance of {choices.guidance:g} on distilled weights costs twice "
                "the time and hurts the picture; they were made for 1."
            )
        if model.negative.strip() and not choices.is_guided:
            yield (
                f"{shot.id}: its negative words have no effect: without guidance they are not read."
            )
        if len(model.steps or ()) > 1 and not has_second_pass(files.weights):
            yield f"{shot.id}: only the first number of `steps` is used; there is one pass."
        if shot.continues is not None and shot.first is not None:
            yield f"{shot.id}: it goes on from {shot.continues}, which wins over its `first`."


def plan_notes(
    film: Film,
    shots: Sequence[Shot],
    *,
    staged: Collection[str],
    tier: str,
    asked: str | None,
    backend: Backend,
    capabilities: Capabilities,
) -> tuple[str, ...]:
    """Every note, the most important first.

    Args:
        film: The film.
        shots: Those that are planned.
        staged: Ids of the shots that have something staged.
        tier: What they are made as.
        asked: The tier that was asked for; None for the best there is.
        backend: Who makes most of them.
        capabilities: What can be carried out.
    """
    return (
        *_tier_notes(tier, asked, backend, capabilities),
        *_part_notes(film, shots),
        *_frame_notes(film, shots),
        *_size_notes(film),
        *_word_notes(film, shots, staged, backend),
    )


def names_of(shots: Sequence[str], most: int = 4) -> str:
    """Shots in words: `approach, lamp and 3 more`."""
    if len(shots) <= most:
        return ", ".join(shots)
    return f"{', '.join(shots[: most - 1])} and {len(shots) - most + 1} more"


def take_note(shot: str, asked: int, backend: Backend) -> str:
    """Why fewer takes are made than were asked for."""
    return (
        f'Shot "{shot}" asks for {asked} takes; one is made: by {backend.name} they would all be '
        "alike, since nothing in the shot depends on chance."
    )


def _tier_notes(
    tier: str, asked: str | None, backend: Backend, capabilities: Capabilities
) -> Iterator[str]:
    if asked is None and tier == "animatic":
        if capabilities.best_tier == tier:
            yield (
                "No video model is installed, so the film is an animatic: the staged frames "
                "themselves, with the shots' sound."
            )
        else:
            yield (
                f"The film is an animatic, as its plan.lock says; --replan makes it "
                f"{capabilities.best_tier}."
            )
    if backend.label and asked is not None and tier == "animatic":
        yield "The film is an animatic: the staged frames themselves, with the shots' sound."


def _part_notes(film: Film, shots: Sequence[Shot]) -> Iterator[str]:
    if len(shots) == len(film.shots):
        return
    names = names_of([shot.id for shot in shots])
    yield f"Only {names} of {len(film.shots)} shots: a film of its own, beside the whole one."
    if film.music:
        yield "The music is left out, since it belongs to the whole film."


def _frame_notes(film: Film, shots: Sequence[Shot]) -> Iterator[str]:
    trimmed: dict[tuple[int, int], list[str]] = {}
    for shot in shots:
        frames = film.frames_of(shot)
        if frames.trimmed:
            trimmed.setdefault((frames.delivered, frames.generated), []).append(shot.id)
    for (delivered, generated), names in trimmed.items():
        yield (
            f"{names_of(names)}: {generated} frames are generated (8k+1) for the {delivered} that "
            f"are shown; {generated - delivered} at the end are cut off."
        )


def _size_notes(film: Film) -> Iterator[str]:
    size = generation_size(film.size, film.fit)
    if size.delivered == size.generated:
        return
    (width, height), (made_width, made_height) = size.delivered, size.generated
    how = "the middle is kept" if size.fit == "crop" else "shrunk into it with black bars"
    yield (f"{width}x{height} is generated as {made_width}x{made_height} (multiples of 64); {how}.")


def _word_notes(
    film: Film, shots: Sequence[Shot], staged: Collection[str], backend: Backend
) -> Iterator[str]:
    if not backend.speaks:
        unheard = [shot.id for shot in shots if shot.sound.strip() or shot.dialogue.strip()]
        if unheard:
            yield (
                f"Sound and dialogue in words ({names_of(unheard)}) are not heard: nothing that "
                "speaks them is installed. Placed sounds and music are."
            )
        silent = [shot.id for shot in shots if not shot.audio]
        if silent and not film.music:
            yield f"{names_of(silent)}: silent; no sound is placed and there is no music."
    if not backend.reads_words:
        unseen = [shot.id for shot in shots if shot.prompt.strip() and shot.id in staged]
        if unseen or film.style.strip():
            yield (
                "Prompts and style are kept for a video model; an animatic shows what is staged."
            )
