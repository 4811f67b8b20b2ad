from __future__ import annotations

import subprocess
import sys

import reelwright.prompt as room


def test_the_public_names_are_there_and_sorted() -> None:
    upper = [name for name in room.__all__ if name.isupper()]
    classes = [name for name in room.__all__ if not name.isupper() and name[0].isupper()]
    functions = [name for name in room.__all__ if name[0].islower()]
    assert room.__all__ == [*sorted(upper), *sorted(classes), *sorted(functions)]
    assert all(getattr(room, name) is not None for name in room.__all__)
    assert set(room.__all__) <= set(dir(room))


def test_arranging_needs_no_torch() -> None:
    code = (
        "import sys; from reelwright.prompt import arrange, enhance; "
        "assert 'torch' not in sys.modules and 'PIL' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
