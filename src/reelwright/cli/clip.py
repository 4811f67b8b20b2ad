"""`clip`: one clip with no storyboard, or a range of one made again."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, TypeAlias

from cyclopts import Parameter

from reelwright.cli.options import (
    Checkpoint,
    Flag,
    Loras,
    Output,
    TextEncoder,
    Upsampler,
    weights_of,
)
from reelwright.cli.shown import run_shown
from reelwright.errors import SettingError

if TYPE_CHECKING:
    from reelwright import production

Pictures: TypeAlias = Annotated[
    list[tuple[Path, int, float]] | None, Parameter("--image", negative="")
]
"""`--image PATH FRAME STRENGTH`, again for each."""

Range: TypeAlias = Annotated[tuple[Path, float, float] | None, Parameter("--retake", negative="")]
"""`--retake FILM FROM TO`."""

Steps: TypeAlias = Annotated[
    list[int] | None, Parameter("--steps", consume_multiple=True, negative="")
]
"""`--steps 8 3`."""


def clip(
    prompt: str | None = None,
    /,
    *,
    output: Output = None,
    first: Path | None = None,
    last: Path | None = None,
    image: Pictures = None,
    audio: Path | None = None,
    sound: str | None = None,
    dialogue: str | None = None,
    retake: Range = None,
    seconds: float | None = None,
    num_frames: int | None = None,
    width: int | None = None,
    height: int | None = None,
    frame_rate: float | None = None,
    seed: int | None = None,
    tier: str | None = None,
    negative: str | None = None,
    steps: Steps = None,
    guidance: float | None = None,
    checkpoint: Checkpoint = None,
    text_encoder: TextEncoder = None,
    upsampler: Upsampler = None,
    lora: Loras = None,
    explain: Flag = False,
    threads: int | None = None,
    events: Flag = False,
    debug: Annotated[bool, Parameter(show=False, negative="")] = False,
    work_dir: Path | None = None,
) -> None:
    """Make one clip from words, pictures or a sound, with no storyboard.

    Or make a range of time of a clip again: --retake FILM FROM TO. The last line is its path.

    Parameters
    ----------
    prompt
        What is seen. In a retake the new words; without them the old ones, by another chance.
    output
        Where the clip goes; its suffix decides the format, as for render. By default into this
        folder, named after the words.
    first
        A picture that it begins with.
    last
        A picture that it ends with.
    image
        A picture that it passes through: PATH FRAME STRENGTH, e.g. turn.png 60 0.7; a negative
        frame counts from the end. Again for each.
    audio
        A sound that the clip is made for; it is kept.
    sound
        What is heard, in words.
    dialogue
        What is said, in words.
    retake
        A film of one shot that was made here, and the seconds from and to that are made again:
        boat.mp4 1.5 3.5. The rest stays bit for bit in the lossless results.
    seconds
        Its length, by default 5.
    num_frames
        Its length in frames, instead.
    width
        Pixels, even, by default 768.
    height
        Pixels, even, by default 448.
    frame_rate
        Frames per second, by default 24.
    seed
        Seed of chance, by default 0.
    tier
        draft (the first pass), standard (refined), final (and a pixel refiner); by default the best
        that is installed.
    negative
        What should not be seen or heard; only a guided model reads it.
    steps
        Denoising steps, pass by pass, e.g. 8 3.
    guidance
        Guidance scale; 1 is none, as distilled weights want it.
    checkpoint
        LTX-2.3 weights: the official file, its parts, a diffusers folder, or GGUF.
    text_encoder
        Their text encoder, Gemma 3: a folder or a file.
    upsampler
        Their latent upsampler; without it clips are made in one pass.
    lora
        A LoRA, and how strongly it joins: --lora crane.safetensors 0.8. Again for each.
    explain
        Say of every stage why it runs or why it does not.
    threads
        CPU threads of a worker; by default all that this process may use.
    events
        Print every event as a line of JSON instead of bars.
    work_dir
        Where results are kept; by default .reelwright beside the clip.
    """
    from reelwright import production

    weights = weights_of(checkpoint, text_encoder, upsampler, lora)
    own: dict[str, Any] = {
        "first": first,
        "last": last,
        "pictures": None if image is None else [production.ClipPicture(*each) for each in image],
        "audio": audio,
        "seconds": seconds,
        "num_frames": num_frames,
        "size": _size(width, height),
        "frame_rate": frame_rate,
        "negative": negative,
        "steps": steps,
        "guidance": guidance,
    }
    both: dict[str, Any] = {"out": output, "sound": sound, "dialogue": dialogue, "seed": seed}
    both["tier"] = tier
    given = {name: value for name, value in own.items() if value is not None}
    said = {name: value for name, value in both.items() if value is not None}
    how: dict[str, Any] = {"work_dir": work_dir, "explain": explain, "threads": threads}
    how["weights"] = weights
    _refuse(prompt, retake, given)

    def make(on_event: production.OnEvent) -> production.RenderResult:
        if retake is not None:
            film, from_s, to_s = retake
            return production.retake(film, from_s, to_s, prompt, **said, **how, on_event=on_event)
        return production.clip(prompt or "", **given, **said, **how, on_event=on_event)

    run_shown(make, events=events, debug=debug)


def _size(width: int | None, height: int | None) -> tuple[int, int] | None:
    from reelwright.production.one_clip import DEFAULT_SIZE

    if width is None and height is None:
        return None
    return width or DEFAULT_SIZE[0], height or DEFAULT_SIZE[1]


def _refuse(
    prompt: str | None, retake: tuple[Path, float, float] | None, given: dict[str, object]
) -> None:
    """Refuse what says nothing, and settings that a retake takes from its film."""
    if retake is not None and given:
        names = ", ".join(_OPTIONS.get(name, f"--{name.replace('_', '-')}") for name in given)
        raise SettingError(
            f"A retake is of its film's own making: {names} cannot be changed in it.",
            "Leave that out, or make a new clip.",
            where="--retake",
        )
    if retake is None and not (prompt or {"first", "last", "pictures", "audio"} & given.keys()):
        raise SettingError(
            "There is nothing that the clip could be made from.",
            'Say what is seen: reelwright clip "A boat turns toward the lighthouse."',
            where="prompt",
        )


_OPTIONS = {"pictures": "--image", "size": "--width, --height"}
