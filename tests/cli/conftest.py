from __future__ import annotations

from collections.abc import Iterator

import pytest


@pytest.fixture(autouse=True, scope="module")
def no_weights() -> Iterator[None]:
    """Films are animatics unless a test names weights: whatever is installed here."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("reelwright.models.installed_weights", lambda: ())
        for name in ("CHECKPOINT", "TEXT_ENCODER", "UPSAMPLER"):
            patch.delenv(f"REELWRIGHT_{name}", raising=False)
        yield
