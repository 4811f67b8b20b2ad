from __future__ import annotations

import subprocess
import sys

import reelwright.production
from reelwright.production import events


def test_public_names_exist() -> None:
    # Their order is held by ruff (RUF022).
    names = reelwright.production.__all__
    assert len(set(names)) == len(names)
    assert all(hasattr(reelwright.production, name) for name in names)
    assert set(names) == {name for name in dir(reelwright.production) if not name.startswith("_")}


def test_functions_are_not_hidden_by_modules() -> None:
    code = (
        "import reelwright.production.job, reelwright.production.collecting\n"
        "from reelwright.production import render, clean\n"
        "import sys; sys.exit(0 if callable(render) and callable(clean) else 'hidden')"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_the_room_and_its_scheduler_import_nothing_heavy() -> None:
    code = (
        "import sys, reelwright.production\n"
        "light = not {'torch', 'av', 'trimesh', 'numpy', 'pydantic'} & set(sys.modules)\n"
        "from reelwright.production import render, check_film, clean, LocalExecutor\n"
        "heavy = {'torch', 'av', 'trimesh', 'OpenEXR', 'PIL', 'pydantic'} & set(sys.modules)\n"
        "sys.exit(0 if light and not heavy else f'imported {heavy}')"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_every_event_has_a_name_of_its_own() -> None:
    kinds = {kind.__name__: kind for kind in events.Event.__subclasses__()}.values()
    names = {events.event_name(kind) for kind in kinds}
    assert len(names) == len(kinds)
    assert events.event_name(events.StageFinished) == "stage-finished"
    assert events.event_json(events.Noted("x")) == {"event": "noted", "message": "x"}
