"""Which Blender there is: the one that is named, the one on PATH, or a `bpy` environment of ours.

A `bpy` environment is a Python of its own with the `bpy` wheel, beside ours: the wheel pins numpy
and one version of Python, and its drivers can abort a process.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from reelwright.env import BLENDER, path_from
from reelwright.errors import ResourceError, SettingError

OLDEST = (3, 4, 0)
_PROBE_S = 120
SCRIPT = Path(__file__).parent / "program" / "render_stage.py"
"""What runs inside Blender."""
_FLAGS = ("-b", "--factory-startup", "--disable-autoexec", "--python-exit-code", "3")
_MEND = (
    "Install Blender 3.4 or later (blender.org, or your system's packages), or point "
    f"{BLENDER.name} at its program; without it the built-in stage does the same work."
)


@dataclass(frozen=True, slots=True)
class Blender:
    """A Blender that answered.

    Attributes:
        program: Blender's program, or the Python of a `bpy` environment.
        version: As it says itself.
        is_module: Whether it is a `bpy` environment.
    """

    program: Path
    version: tuple[int, int, int]
    is_module: bool = False

    @property
    def version_text(self) -> str:
        """E.g. `3.4.1`."""
        return ".".join(map(str, self.version))

    def command(self, job: Path) -> list[str]:
        """How a job is started: no user settings, no scripts of a file, an error ends in 3."""
        if self.is_module:
            return [str(self.program), str(SCRIPT), "--", str(job)]
        return [str(self.program), *_FLAGS, "-P", str(SCRIPT), "--", str(job)]


def find_blender() -> Blender:
    """Find a Blender.

    Returns:
        The one that `REELWRIGHT_BLENDER` names; else the first that answers: on PATH, where
        installers put it, in our own `bpy` environment.

    Raises:
        ResourceError: There is none, or none that is new enough.
        SettingError: The variable names something that is no Blender.
    """
    named = path_from(BLENDER)
    if named is not None:
        found = _answer(_program_in(named))
        if found is None:
            raise SettingError(
                f"{BLENDER.name} names {named}, which does not answer as Blender.",
                "Point it at Blender's program, or at the Python of an environment with bpy.",
            )
        return _new_enough(found)
    answers = [found for each in _places() if (found := _answer(each)) is not None]
    if not answers:
        raise ResourceError("No Blender was found.", _MEND)
    return next((found for found in answers if found.version >= OLDEST), _new_enough(answers[0]))


def module_environment() -> Path:
    """Where a `bpy` environment of our own lies, whether or not it is there."""
    home = Path.home()
    if sys.platform == "win32":
        base = Path(os.environ.get("LOCALAPPDATA") or home / "AppData" / "Local")
    elif sys.platform == "darwin":
        base = home / "Library" / "Application Support"
    else:
        base = Path(os.environ.get("XDG_DATA_HOME") or home / ".local" / "share")
    return base / "reelwright" / "bpy"


def _new_enough(found: Blender) -> Blender:
    if found.version < OLDEST:
        raise ResourceError(
            f"This is Blender {found.version_text}.", _MEND, where=str(found.program)
        )
    return found


def _places() -> Iterator[Path]:
    on_path = shutil.which("blender")
    if on_path:
        yield Path(on_path)
    if sys.platform == "darwin":
        yield Path("/Applications/Blender.app/Contents/MacOS/Blender")
    if sys.platform == "win32":
        programs = Path(os.environ.get("PROGRAMFILES", "C:/Program Files"))
        yield from sorted(programs.glob("Blender Foundation/Blender */blender.exe"), reverse=True)
    yield _python_in(module_environment())


def _program_in(named: Path) -> Path:
    """The program that a person means by a folder."""
    if not named.is_dir():
        return Path(shutil.which(str(named)) or named)
    inside = (named / "blender", named / "blender.exe", named / "Contents/MacOS/Blender")
    return next((each for each in inside if each.is_file()), _python_in(named))


def _python_in(environment: Path) -> Path:
    windows = sys.platform == "win32"
    return environment / ("Scripts/python.exe" if windows else "bin/python")


def _answer(program: Path) -> Blender | None:
    """Ask a program what it is; None where it is not there or says something else."""
    try:
        changed = program.stat().st_mtime_ns
    except OSError:
        return None
    return _asked(program, changed)


@lru_cache(maxsize=32)
def _asked(program: Path, changed: int) -> Blender | None:
    is_module = program.name.lower().startswith("python")
    ask = "import bpy; print('Blender', bpy.app.version_string)"
    command = [str(program), *(("-c", ask) if is_module else ("--version",))]
    try:
        told = subprocess.run(command, capture_output=True, timeout=_PROBE_S, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return None
    version = version_in(told.stdout.decode("utf-8", "replace"))
    return None if version is None else Blender(program, version, is_module)


def version_in(text: str) -> tuple[int, int, int] | None:
    """The version in what `blender --version` prints; None where it is something else."""
    found = re.search(r"^Blender (\d+)\.(\d+)(?:\.(\d+))?", text, re.MULTILINE)
    if found is None:
        return None
    return int(found[1]), int(found[2]), int(found[3] or 0)
