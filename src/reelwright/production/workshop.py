"""A project that is open for work: locked, swept, with its results and its journal."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from reelwright.production.artifacts import ArtifactStore
from reelwright.production.events import OnEvent, Warned
from reelwright.production.journal import Journal
from reelwright.production.locks import project_lock
from reelwright.production.project import Project


@dataclass(frozen=True, slots=True)
class Workshop:
    """An open project; nobody else has it.

    Attributes:
        project: Where things lie.
        store: Results.
        journal: What is noted.
        emit: Who listens.
    """

    project: Project
    store: ArtifactStore
    journal: Journal
    emit: OnEvent


@contextmanager
def open_workshop(project: Project, film: str, emit: OnEvent) -> Iterator[Workshop]:
    """Open a project for work: take its lock, remove what killed renders left, open the journal.

    Args:
        project: The project.
        film: The storyboard that is worked on, for whoever is refused meanwhile.
        emit: Hears of a journal that had to be made again.

    Raises:
        ResourceError: Another process works on it, or its folder may not be written.
    """
    with (
        locked_store(project, film) as store,
        Journal(project.journal, store.manifests, lambda text: emit(Warned(text))) as journal,
    ):
        yield Workshop(project, store, journal, emit)


@contextmanager
def locked_store(project: Project, film: str) -> Iterator[ArtifactStore]:
    """Open a project's results alone, which works on a full disk too.

    Args:
        project: The project.
        film: What is worked on, for whoever is refused meanwhile.

    Raises:
        ResourceError: Another process works on it, or its folder may not be written.
    """
    project.make()
    with project_lock(project.lock, film):
        store = ArtifactStore(project.artifacts)
        store.sweep()
        yield store
