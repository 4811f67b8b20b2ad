"""Parts of different generations do not work together: told apart, and refused by name."""

from __future__ import annotations

from collections.abc import Sequence

from reelwright.engine.checkpoints.component import Component
from reelwright.engine.checkpoints.identity import Identity, identify
from reelwright.engine.checkpoints.part import Part
from reelwright.errors import CheckpointError


def one_generation(parts: Sequence[Part]) -> None:
    """Refuse parts of different generations.

    Raises:
        CheckpointError: Two parts are of different generations; both are named.
    """
    told: tuple[Part, Identity] | None = None
    for part in parts if len(parts) > 1 else ():
        identity = _certain(part)
        if identity.generation == "unknown":
            continue
        if told is not None and told[1].generation != identity.generation:
            first, other = told
            raise CheckpointError(
                f"It is of LTX-{identity.generation} (it has {identity.evidence!r}), but "
                f"{first.where} is of LTX-{other.generation} (it has {other.evidence!r}).",
                "Give parts of one generation.",
                where=part.where,
                generations=(other.generation, identity.generation),
            )
        told = told or (part, identity)


def _certain(part: Part) -> Identity:
    """A part's generation, unknown where it is only likely.

    The number of a video codec's blocks tells the released ones apart; a codec of another size has
    a config, and there what the generations differ in is whether its up blocks are residual.
    """
    identity = identify(part.names, part.metadata)
    if part.components != {Component.VIDEO_VAE}:
        return identity
    config = part.metadata.get("config")
    section = config.get("vae") if isinstance(config, dict) else None
    blocks = section.get("decoder_blocks") if isinstance(section, dict) else None
    if not isinstance(blocks, list):
        return identity
    residual = any(
        isinstance(block, list)
        and len(block) == 2
        and isinstance(block[1], dict)
        and bool(block[1].get("residual"))
        for block in blocks
    )
    fits = identity.generation == ("2.0" if residual else "2.3")
    return identity if fits else Identity("unknown", "", identity.version)
