"""The room's door."""

from __future__ import annotations

import subprocess
import sys

import reelwright.stage as stage


def test_every_public_name_is_there():
    for name in stage.__all__:
        assert getattr(stage, name) is not None
    assert dir(stage) == sorted(stage.__all__)


def test_a_name_that_is_not_there_is_an_attribute_error():
    assert not hasattr(stage, "limelight")


def test_reading_a_staged_shot_needs_no_torch():
    code = (
        "import sys; from reelwright.stage import "
        "StagedShot, contact_sheet, estimate_stage, project_points, STAGE_VERSION; "
        "sys.exit('torch' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
