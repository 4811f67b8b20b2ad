from __future__ import annotations

import subprocess
import sys

import reelwright.media as media


def test_public_names_are_sorted_and_all_there() -> None:
    assert media.__all__ == sorted(media.__all__)
    assert all(hasattr(media, name) for name in media.__all__)
    assert dir(media) == media.__all__


def test_naming_the_room_loads_nothing_heavy() -> None:
    code = "import sys, reelwright.media; print({'av', 'numpy', 'PIL'} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"
