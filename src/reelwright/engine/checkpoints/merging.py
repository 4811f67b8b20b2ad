"""The config of a checkpoint in parts: each section from the part that it speaks of.

People's split files often carry the config of the whole release. A section is believed from the
part that holds its tensors; where two parts share a section (the transformer and its connectors in
diffusers' layout), what both say has to agree.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from reelwright.engine.checkpoints.component import section_owners
from reelwright.engine.checkpoints.part import Part
from reelwright.errors import CheckpointError


def merged_metadata(parts: Sequence[Part]) -> dict[str, Any]:
    """What the parts say of themselves, as one.

    Args:
        parts: In the order given; for what no part owns, the first to say it is believed.

    Raises:
        CheckpointError: Two parts contradict each other on a section that both have tensors of.
    """
    metadata: dict[str, Any] = {}
    for part in parts:
        if not part.is_lora:
            metadata = {**part.metadata, **metadata}
    configs = [(part, part.metadata.get("config")) for part in parts if not part.is_lora]
    sections = [(part, config) for part, config in configs if isinstance(config, dict)]
    if sections:
        keys = dict.fromkeys(key for _, config in sections for key in config)
        metadata["config"] = {key: _section(key, sections) for key in keys}
    return metadata


def _section(key: str, sections: Sequence[tuple[Part, dict[str, Any]]]) -> Any:
    having = [(part, config[key]) for part, config in sections if key in config]
    owners = set(section_owners(key))
    owning = [(part, value) for part, value in having if part.components & owners]
    first, *others = owning or having[:1]
    merged = first[1]
    for part, value in others:
        if not isinstance(value, dict) or not isinstance(merged, dict):
            continue
        for name in value.keys() & merged.keys():
            if value[name] != merged[name]:
                raise CheckpointError(
                    f"Its config says {key}.{name} = {str(value[name])[:60]}, that of "
                    f"{first[0].where} says {str(merged[name])[:60]}.",
                    "Give parts of one model.",
                    where=part.where,
                    key=f"{key}.{name}",
                )
        merged = {**merged, **value}
    return merged
