"""Storyboard x machine -> plan: what would run, where, with what, how long, and why.

Nothing here runs anything, and nothing here imports torch. What a result is called (`artifact_key`)
and what decides it (`recipes`) is said in this room alone.
"""

from __future__ import annotations

from reelwright.plan.atomic import fsync_folder, write_atomic
from reelwright.plan.canonical import JSON, Recipe, artifact_key, canonical_json, is_key
from reelwright.plan.capabilities import (
    ANIMATIC,
    CAPABILITIES,
    Backend,
    Capabilities,
    capabilities_for,
)
from reelwright.plan.costs import COSTS, COSTS_VERSION, StageCost, Work, estimate
from reelwright.plan.digests import DigestStore, FileUse, identity_of, sha256_of
from reelwright.plan.explain import Change, changes_in_words, recipe_changes
from reelwright.plan.film_plan import Plan
from reelwright.plan.film_stages import ANIMATIC_MUX
from reelwright.plan.fit import require_disk, require_memory
from reelwright.plan.graph import running_order
from reelwright.plan.history import NUM_SAMPLES, History, Ratio, Sample
from reelwright.plan.lock import Choice, PlanLock, lock_of, tries_from_json
from reelwright.plan.planner import make_plan
from reelwright.plan.refusals import Refusal, problems_of, refused
from reelwright.plan.shot_stages import keyframe_requests
from reelwright.plan.sketch import Arrange, AssetFiles, Words
from reelwright.plan.stages import CPU, Estimate, PlannedStage, StageKind, total
from reelwright.plan.versions import ROOM_VERSIONS, room_version
from reelwright.plan.ways import DEFAULT_TRIES, GuardedShot, Made, ShotTries, Way
from reelwright.plan.weight_files import WeightFiles

__all__ = [
    "ANIMATIC",
    "ANIMATIC_MUX",
    "CAPABILITIES",
    "COSTS",
    "COSTS_VERSION",
    "CPU",
    "DEFAULT_TRIES",
    "JSON",
    "NUM_SAMPLES",
    "ROOM_VERSIONS",
    "Arrange",
    "AssetFiles",
    "Backend",
    "Capabilities",
    "Change",
    "Choice",
    "DigestStore",
    "Estimate",
    "FileUse",
    "GuardedShot",
    "History",
    "Made",
    "Plan",
    "PlanLock",
    "PlannedStage",
    "Ratio",
    "Recipe",
    "Refusal",
    "Sample",
    "ShotTries",
    "StageCost",
    "StageKind",
    "Way",
    "WeightFiles",
    "Words",
    "Work",
    "artifact_key",
    "canonical_json",
    "capabilities_for",
    "changes_in_words",
    "estimate",
    "fsync_folder",
    "identity_of",
    "is_key",
    "keyframe_requests",
    "lock_of",
    "make_plan",
    "problems_of",
    "recipe_changes",
    "refused",
    "require_disk",
    "require_memory",
    "room_version",
    "running_order",
    "sha256_of",
    "total",
    "tries_from_json",
    "write_atomic",
]
