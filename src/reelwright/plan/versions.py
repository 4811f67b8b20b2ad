"""The version of each room's result.

A room's version stands in the recipe of its stages. **Bump it in the same commit that changes what
the room makes of the same input**; every film is then made anew from that stage on. A change that
leaves the result bit for bit as it was (speed, memory, messages) is no reason. Where a room keeps a
version of its own, a test of production holds the two together.
"""

from __future__ import annotations

from reelwright.plan.stages import StageKind

ROOM_VERSIONS: dict[tuple[StageKind, str], int] = {
    (StageKind.ASSETS, "builtin"): 1,
    (StageKind.STAGE, "builtin"): 1,
    (StageKind.KEYFRAMES, "stage"): 1,
    (StageKind.GENERATE, "animatic"): 1,
    (StageKind.PROMPT, "ltx"): 1,
    (StageKind.DRAFT, "ltx"): 1,
    (StageKind.REFINE, "ltx"): 1,
    (StageKind.DECODE, "ltx"): 1,
    (StageKind.FINISH, "builtin"): 1,
    (StageKind.QUALITY, "builtin"): 2,
    (StageKind.MIX, "builtin"): 1,
    (StageKind.MUX, "builtin"): 1,
    (StageKind.REPORT, "builtin"): 1,
}
"""By kind of stage and backend."""


def room_version(kind: StageKind, backend: str) -> int:
    """The version that goes into a recipe; KeyError for a backend without a row."""
    return ROOM_VERSIONS[kind, backend]
