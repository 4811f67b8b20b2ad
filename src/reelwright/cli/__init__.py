"""The command line: the same verbs as the Python package, for a terminal."""

from __future__ import annotations

from reelwright.cli.app import main

__all__ = ["main"]
