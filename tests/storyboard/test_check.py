from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from reelwright.errors import InputError, Problem
from reelwright.storyboard import parse_film, project_file

Problems = Callable[..., list[Problem]]

PROPS = '[props.boat]\nshape = "box"\n[props.gull]\nshape = "cone"\n'
SHOT = '[[shots]]\nid = "a"\nseconds = 2\n'
PLACED = PROPS + SHOT + '[[shots.place]]\nprop = "boat"\n'


def camera(*lines: str) -> str:
    return PLACED + "[shots.camera]\n" + "\n".join(lines)


@pytest.mark.parametrize(
    ("text", "field", "words"),
    [
        # shots and chains
        (SHOT + SHOT, "shots[1].id", "another"),
        (SHOT + SHOT.replace('"a"', '"A"'), "shots[1].id", "another"),
        (SHOT.replace('"a"', '"con"'), "shots[0].id", "shot-con"),
        (SHOT + 'continues = "b"', "shots[0].continues", "Known: a"),
        (SHOT + 'continues = "a"', "shots[0].continues", "first"),
        (
            SHOT + 'continues = "b"\n' + SHOT.replace('"a"', '"b"'),
            "shots[0].continues",
            "Move this shot after",
        ),
        (
            SHOT + 'continues = "b"\n' + SHOT.replace('"a"', '"b"') + 'continues = "a"',
            "shots[0].continues",
            "first of them",
        ),
        (SHOT + "takes = 2\ntake = 3", "shots[0].take", "takes = 3"),
        (SHOT + "[shots.light]\nsun_strength = 2", "shots[0].light", "camera"),
        # props
        (SHOT + "[props.x]", "props.x", "Add one"),
        (SHOT + '[props.x]\nshape = "box"\nprompt = "a box"', "props.x", "Keep one"),
        (SHOT + '[props.x]\nprompt = "a"\ndimensions = [1,1,1]', "props.x.dimensions", "size_m"),
        (SHOT + '[props.x]\nfile = "a.GLB"\nup = "z"', "props.x.up", "turn_deg"),
        (PLACED + '[[shots.place]]\nprop = "boat"', "shots[0].place[1].prop", "boat-2"),
        (
            PLACED + '[[shots.place]]\nprop = "gull"\nname = "boat"',
            "shots[0].place[1].name",
            "boat-2",
        ),
        (SHOT + '[[shots.place]]\nprop = "bot"', "shots[0].place[0].prop", "to [props]"),
        # keys
        (PLACED + "keys = [{ t_s = 1 }]", "shots[0].place[0].keys[0]", "at, turn_deg"),
        (
            PLACED + "keys = [{ t_s = 1, at = [0,0,0] }, { t_s = 1, at = [0,0,1] }]",
            "shots[0].place[0].keys[1].t_s",
            "order",
        ),
        (PLACED + "keys = [{ t_s = 2.5, scale = 2 }]", "shots[0].place[0].keys[0].t_s", "2 s"),
        (
            PLACED + "at = [1,1,1]\nkeys = [{ t_s = 0, at = [0,0,0] }]",
            "shots[0].place[0].keys[0].at",
            "Keep one",
        ),
        # cameras
        (camera('move = "path"'), "shots[0].camera.move", "keys"),
        (camera('move = "follow"'), "shots[0].camera.move", "boat"),
        (camera('follow = "gull"'), "shots[0].camera.follow", "Placed here: boat"),
        (camera('follow = "boat"', 'move = "pan-left"'), "shots[0].camera.follow", "shake"),
        (
            camera('follow = "boat"', "keys = [{ t_s = 0, lens_mm = 20 }]"),
            "shots[0].camera.follow",
            "Keep one",
        ),
        (
            camera('move = "pan-left"', "keys = [{ t_s = 0, at = [0,0,0] }]"),
            "shots[0].camera.keys",
            "Keep one",
        ),
        (camera('move = "pan-left"', "distance = 2"), "shots[0].camera.distance", "dolly-in"),
        (camera('move = "dolly-in"', "angle_deg = 2"), "shots[0].camera.angle_deg", "orbit-left"),
        (camera('move = "orbit-left"'), "shots[0].camera.move", "look_at"),
        (camera("at = [1,2,3]", "look_at = [1,2,3]"), "shots[0].camera.look_at", "Move"),
        (camera("at = [0,0,1]"), "shots[0].camera.at", "Move"),
        (
            camera("keys = [{ t_s = 1, at = [1,1,1], look_at = [1,1,1] }]"),
            "shots[0].camera.keys[0].look_at",
            "Move",
        ),
        (
            camera("look_at = [1,1,1]", "keys = [{ t_s = 1, at = [1,1,1] }]"),
            "shots[0].camera",
            "Move",
        ),
        (
            PLACED + '[shots.camera]\nat = [0,0,0]\nfollow = "boat"',
            "shots[0].camera",
            "Move",
        ),
        # keyframes
        (
            PLACED.replace("[[shots.pl", "last = { from = 'stage', frame = 48 }\n[[shots.pl"),
            "shots[0].last.frame",
            "from 0 to 47, or from -48 to -1",
        ),
        (
            SHOT + 'keyframes = [{ frame = -49, from = "paint" }]',
            "shots[0].keyframes[0].frame",
            "-48",
        ),
        (
            SHOT + 'first = "paint"\nkeyframes = [{ frame = -48, from = "paint" }]',
            "shots[0].keyframes[0].frame",
            "another frame",
        ),
        (SHOT + 'first = "stage"', "shots[0].first", "camera"),
        # sound
        (PLACED + '[[shots.audio]]\nfile = "a.wav"\nat_s = 2', "shots[0].audio[0].at_s", "2 s"),
        (
            PLACED + '[[shots.audio]]\nfile = "a.wav"\nfrom_prop = "boot"',
            "shots[0].audio[0].from_prop",
            '"boat"',
        ),
        (
            PLACED + '[[shots.audio]]\nfile = "a.wav"\nfrom_prop = "boat"\npan = 0.5',
            "shots[0].audio[0].pan",
            "Keep one",
        ),
        (SHOT + '[[music]]\nfile = "m.wav"\nat_s = 2', "music[0].at_s", "2 s"),
        # output
        (SHOT + '[output]\nfile = "film.mov"', "output.file", ".mp4"),
        (
            SHOT + '[finish.upscale]\nto = "2x"\nquality = "high"',
            "finish.upscale.quality",
            "rtx-vsr",
        ),
    ],
)
def test_parts_that_do_not_fit(problems_of: Problems, text: str, field: str, words: str) -> None:
    (problem,) = problems_of(text)
    assert problem.field == field
    assert words in problem.mend
    assert problem.line is not None


@pytest.mark.parametrize(
    "text",
    [
        SHOT,
        PLACED + "keys = [{ t_s = 0, ease = 'linear' }, { t_s = 2, at = [1, 0, 0] }]",
        camera("at = [0, 0, 9]", "look_at = [0, 0, 0]"),
        camera("at = [0, 0, 0]", "look_at = [0, 0, 9]", 'move = "orbit-left"'),
        camera('move = "tilt-up"', "angle_deg = 200"),
        camera('follow = "boat"', "shake = 1"),
        camera('move = "handheld"'),
        PLACED + SHOT.replace('"a"', '"b"') + 'continues = "a"\n[shots.camera]\nfollow = "boat"',
        PLACED + SHOT.replace('"a"', '"b"') + "continues = 'a'\n[shots.camera]\nmove='orbit-left'",
        PLACED + SHOT.replace('"a"', '"b"') + "continues = 'a'\n[shots.light]\nhaze_m = 0",
        SHOT + 'first = "none"\nkeyframes = [{ frame = 0, from = "paint" }]',
        SHOT + '[finish.upscale]\nto = "2x"\nwith = "rtx-vsr"\nquality = "ultra"',
    ],
)
def test_parts_that_fit(text: str) -> None:
    parse_film(text)


def test_a_wrong_type_hides_nothing_else(problems_of: Problems) -> None:
    text = PLACED + "at = 'here'\nkeys = [{ t_s = 9, at = [0,0,0] }]\n[[music]]\nfile = 3\n"
    fields = [p.field for p in problems_of(text)]
    assert fields == ["shots[0].place[0].at", "shots[0].place[0].keys[0].t_s", "music[0].file"]


def test_a_shot_that_continues_a_broken_one_is_not_blamed(problems_of: Problems) -> None:
    text = (
        SHOT + 'continues = "x"\n' + SHOT.replace('"a"', '"b"') + 'continues = "a"\nfirst="stage"'
    )
    assert [p.field for p in problems_of(text)] == ["shots[0].continues"]


@pytest.mark.parametrize(
    "name",
    [
        "/etc/passwd",
        "../up.glb",
        "a/../../up.glb",
        "C:/x.glb",
        "C:x.glb",
        "\\\\\\\\host\\\\x.glb",
        "a\\\\b.glb",
        "~/x.glb",
        "//host/x.glb",
        ".",
        "missing.glb",
        "folder",
        "out.glb",
        "outside/secret.glb",
        "loop.glb",
        "x" * 900 + ".glb",
    ],
)
def test_paths_that_lead_nowhere_good(problems_of: Problems, tmp_path: Path, name: str) -> None:
    project = tmp_path / "project"
    (project / "folder").mkdir(parents=True)
    (tmp_path / "secret.glb").touch()
    (project / "out.glb").symlink_to(tmp_path / "secret.glb")
    (project / "outside").symlink_to(tmp_path)
    (project / "loop.glb").symlink_to("loop.glb")
    for text, field in [
        (f'[props.x]\nfile = "{name}"\n{SHOT}', "props.x.file"),
        (f'{SHOT}first = "{name}"', "shots[0].first"),
        (f'{SHOT}last = {{ from = "{name}" }}', "shots[0].last.from"),
        (f'{SHOT}scene = "{name}"', "shots[0].scene"),
        (f'{SHOT}[[shots.audio]]\nfile = "{name}"', "shots[0].audio[0].file"),
        (f'{SHOT}[shots.model]\nloras = [{{ file = "{name}" }}]', "shots[0].model.loras[0].file"),
        (f'{SHOT}[[music]]\nfile = "{name}"', "music[0].file"),
    ]:
        (problem,) = problems_of(text, project)
        assert problem.field == field
        assert problem.line is not None
        assert problem.mend


def test_files_inside_are_taken(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "boat.glb").touch()
    (tmp_path / "link.glb").symlink_to("a/boat.glb")
    parse_film(SHOT + '[props.x]\nfile = "a/boat.glb"\n[props.y]\nfile = "link.glb"', tmp_path)
    assert project_file(tmp_path, "link.glb") == (tmp_path / "a" / "boat.glb").resolve()


def test_a_misspelt_file_is_guessed(problems_of: Problems, tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "boat.glb").touch()
    (problem,) = problems_of(SHOT + '[props.x]\nfile = "a/boot.glb"', tmp_path)
    assert problem.mend == 'Did you mean "a/boat.glb"?'
    (problem,) = problems_of(SHOT + 'first = "pant"', tmp_path)
    assert problem.mend == 'Did you mean "paint"?'


def test_the_output_need_not_exist_but_stays_inside(problems_of: Problems, tmp_path: Path) -> None:
    parse_film(SHOT + '[output]\nfile = "films/a.mp4"', tmp_path)
    (problem,) = problems_of(SHOT + '[output]\nfile = "../a.mp4"', tmp_path)
    assert problem.field == "output.file"


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no pipes here")
def test_a_pipe_is_not_a_file(problems_of: Problems, tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.wav")
    (problem,) = problems_of(SHOT + '[[music]]\nfile = "pipe.wav"', tmp_path)
    assert "not a file" in problem.what


def test_project_file_refuses_what_leads_out(tmp_path: Path) -> None:
    for name in ("../x", "/x", "a\\b", "", "C:/x"):
        with pytest.raises(InputError) as caught:
            project_file(tmp_path, name)
        assert caught.value.mend


def test_a_long_chain_is_checked_quickly(problems_of: Problems) -> None:
    shots = "".join(
        f"[[shots]]\nid = 's{i}'\nseconds = 1\nplace = [{{ prop = 'boat', name = 'b{i}' }}]\n"
        + (f"continues = 's{i - 1}'\n" if i else "")
        for i in range(500)
    )
    parse_film(PROPS + shots)
    (problem,) = problems_of(
        PROPS + shots + "[[shots.audio]]\nfile = 'a.wav'\nfrom_prop = 'b9999'\n"
    )
    assert problem.field == "shots[499].audio[0].from_prop"
