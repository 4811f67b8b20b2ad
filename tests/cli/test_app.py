"""Commands as a person types them: what they print, and how they end."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from reelwright.cli import main
from reelwright.cli.app import COMMANDS
from reelwright.cli.reference import pages
from reelwright.cli.terminal import bytes_text, seconds_text

HEAVY = ("torch", "av", "trimesh", "OpenEXR", "PIL", "scipy")


def run(*words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "reelwright", *words], capture_output=True, text=True, check=False
    )


def test_help_names_every_command(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--help"]) == 0
    text = capsys.readouterr().out
    assert all(command.name in text for command in COMMANDS)


@pytest.mark.parametrize("command", [command.name for command in COMMANDS])
def test_every_command_explains_itself(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([command, "--help"]) == 0
    assert f"reelwright {command}" in capsys.readouterr().out


@pytest.mark.parametrize("words", [["--help"], ["schema"], ["render", "--help"]])
def test_the_command_line_starts_light(words: list[str]) -> None:
    code = (
        "import sys; from reelwright.cli import main; main(sys.argv[1:]);"
        f"sys.stderr.write(' '.join(m for m in {HEAVY!r} if m in sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", code, *words], capture_output=True, text=True)
    assert done.returncode == 0
    assert done.stderr == ""


def test_an_unknown_word_is_bad_input(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["rendr"]) == 2
    assert main(["render", "--no-such-option", "x"]) == 2


def test_new_check_and_plan_go_together(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["new", str(tmp_path / "film")]) == 0
    storyboard = capsys.readouterr().out.strip()
    assert Path(storyboard).is_file()
    assert main(["check", storyboard]) == 0
    assert "fine" in capsys.readouterr().out
    assert main(["plan", storyboard, "--json"]) == 0
    plan = json.loads(capsys.readouterr().out)
    assert plan["label"] == "animatic"
    assert plan["stages"][-1]["id"] == "report"
    assert main(["plan", storyboard]) == 0
    text = capsys.readouterr().out
    assert "mux" in text
    assert "to run" in text


def test_new_leaves_what_is_there_alone(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "mine.txt").write_text("mine")
    assert main(["new", str(tmp_path)]) == 2
    assert (tmp_path / "mine.txt").read_text() == "mine"
    assert "mend" in capsys.readouterr().err


def test_what_is_wrong_comes_with_line_field_and_mend(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    film = tmp_path / "storyboard.toml"
    film.write_text(
        '[film]\ntitle = "x"\nsize = [769, 448]\n\n[[shots]]\nid = "a"\nseconds = 1\nlense = 3\n'
    )
    assert main(["check", str(film)]) == 2
    text = capsys.readouterr().err
    assert "storyboard.toml:3" in text
    assert "lense" in text
    assert text.count("mend:") == 2
    assert "2 problems; nothing was started." in text
    assert main(["check", "--json", str(film)]) == 2
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert {line["line"] for line in lines} == {3, 8}


def test_a_setting_that_nothing_carries_out_is_refused_by_name(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    film = tmp_path / "storyboard.toml"
    film.write_text(
        '[film]\ntitle = "x"\ntier = "standard"\n\n'
        '[[shots]]\nid = "a"\nseconds = 1\nprompt = "sea"\n'
    )
    assert main(["check", str(film)]) == 2
    text = capsys.readouterr().err
    assert "film.tier" in text
    assert "animatic" in text


def test_a_missing_storyboard_is_said(capsys: pytest.CaptureFixture[str]) -> None:
    for verb in ("check", "plan", "render", "stage", "keyframes", "pack"):
        assert main([verb, "none.toml"]) == 2
        assert "none.toml" in capsys.readouterr().err


def test_plan_for_a_known_machine(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["plan", "x.toml", "--machine", "list"]) == 0
    assert "rtx4060" in capsys.readouterr().out
    main(["new", str(tmp_path / "film")])
    storyboard = capsys.readouterr().out.strip()
    assert main(["plan", storyboard, "--machine", "rtx4060"]) == 0
    assert "4060" in capsys.readouterr().out
    assert main(["plan", storyboard, "--machine", "abacus"]) == 2


def test_doctor_says_what_it_found(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["doctor"]) == 0
    assert "encoders" in capsys.readouterr().out
    assert main(["doctor", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["findings"]


def test_the_generated_pages_are_up_to_date() -> None:
    docs = Path(__file__).parents[2] / "docs"
    for name, text in pages().items():
        assert (docs / name).read_text(encoding="utf-8") == text, f"{name}: run `make docs`"


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0.44, "0.4 s"),
        (48, "48 s"),
        (59.7, "1 min 00 s"),
        (200, "3 min 20 s"),
        (7500, "2 h 05 min"),
    ],
)
def test_seconds_for_people(seconds: float, text: str) -> None:
    assert seconds_text(seconds) == text


@pytest.mark.parametrize(
    ("count", "text"), [(12, "12 B"), (1536, "1.5 kB"), (512e6, "512 MB"), (1.4e9, "1.4 GB")]
)
def test_bytes_for_people(count: float, text: str) -> None:
    assert bytes_text(count) == text
