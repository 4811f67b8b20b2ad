from __future__ import annotations

import base64
import io
import json
import shutil
import socket
import ssl
import subprocess
import time
from pathlib import Path
from typing import Any

import pytest
from PIL import Image
from tests.prompt.chat_server import Fake, Handler, running, says

from reelwright.errors import AssetError, InputError, SettingError
from reelwright.prompt import RULES, Enhanced, enhance

TEXT = (
    "Style: muted colours. A small wooden boat glides toward a lighthouse. The camera slowly "
    'dollies in. Sound: waves. Anna says: "We are home."'
)
GOOD = (
    "Style: muted colours. A small wooden boat is gliding over the dark water toward a tall "
    "lighthouse while the camera slowly dollies in. Waves lap at the hull. Anna says softly, "
    '"We are home," and rests her hand on the tiller.'
)
KEEP = ("boat", "lighthouse")


def ask(fake: Fake, **more: Any) -> Enhanced:
    return enhance(TEXT, server=fake.address, keep=KEEP, **{"timeout_s": 10.0, **more})


def fell_back(result: Enhanced, why: str) -> None:
    assert result.text == TEXT
    assert result.by == RULES
    assert result.fell_back
    assert result.notes[0].startswith("The prompt is arranged by rule, not enhanced: ")
    assert why in result.notes[0]


def test_a_good_answer_is_used() -> None:
    with running(says(f"\n{GOOD}\n")) as fake:
        result = ask(fake, seed=11)
    assert (result.text, result.by, result.notes) == (GOOD, "gemma-3-12b-it", ())
    assert not result.fell_back
    assert 0 < result.seconds < 10
    (asked,) = fake.asked
    assert fake.paths == ["/v1/chat/completions"]
    assert asked["seed"] == 11
    assert "model" not in asked
    assert asked["stream"] is False
    assert [m["role"] for m in asked["messages"]] == ["system", "user"]
    assert TEXT in asked["messages"][1]["content"]
    assert "boat, lighthouse" in asked["messages"][1]["content"]
    assert not {"authorization", "cookie"} & set(fake.headers[0])


def test_an_answer_that_drops_the_speech_is_asked_for_once_more() -> None:
    with running(says(GOOD.replace('"', ""), GOOD)) as fake:
        result = ask(fake, model="some-model", seed=3)
    assert result.text == GOOD
    first, second = fake.asked
    assert first["model"] == "some-model"
    assert (first["seed"], second["seed"]) == (3, 4)
    assert 'not hold the speech "We are home' in second["messages"][-1]["content"]
    assert second["messages"][-2]["content"] == GOOD.replace('"', "")


@pytest.mark.parametrize(
    ("answer", "why"),
    [
        (GOOD.replace('"', ""), "not hold the speech"),
        (GOOD.replace("lighthouse", "tower"), "not name the lighthouse"),
        ("# Prompt\n\n" + GOOD, "not one paragraph"),
        ("", "empty"),
        ("lorem ipsum " * 20, "not name the boat"),
        (GOOD + " and" * 300, "the limit is 200"),
    ],
)
def test_a_bad_answer_twice_falls_back(answer: str, why: str, tmp_path: Path) -> None:
    with running(says(answer)) as fake:
        fell_back(ask(fake, cache=tmp_path), why)
        assert len(fake.asked) == 2
    assert list(tmp_path.iterdir()) == []


def test_an_answer_that_was_cut_off_is_not_used() -> None:
    with running(says(GOOD, finish="length")) as fake:
        fell_back(ask(fake), "cut off")


def _gives(status: int, body: bytes, **headers: str) -> Any:
    return lambda handler, number: handler.give(status, body, **headers)


@pytest.mark.parametrize(
    ("status", "body", "why"),
    [
        (401, b"{}", "HTTP status 401"),
        (404, b"nothing", "HTTP status 404"),
        (200, b"<html>", "not a chat completion"),
        (200, b'{"choices": []}', "not a chat completion"),
        (200, b"[" * 200_000, "not a chat completion"),
        (200, b'{"choices": [{"message": {"content": null}}]}', "no text"),
        (200, b" " * (2 << 20), "above 1 MiB"),
    ],
)
def test_what_is_no_answer(
    status: int, body: bytes, why: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("reelwright.prompt.enhancer._PAUSE_S", 0.01)
    with running(_gives(status, body)) as fake:
        fell_back(ask(fake), why)


def test_a_server_that_is_still_loading_is_asked_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("reelwright.prompt.enhancer._PAUSE_S", 0.01)

    def loading(handler: Handler, number: int) -> None:
        if number == 1:
            handler.give(503, b'{"error": {"message": "Loading model"}}')
        else:
            says(GOOD)(handler, number)

    with running(loading) as fake:
        assert ask(fake).text == GOOD
        assert len(fake.asked) == 2


def test_redirects_are_not_followed() -> None:
    with running(says(GOOD)) as other:
        with running(_gives(307, b"", Location=f"{other.address}/v1/chat/completions")) as fake:
            fell_back(ask(fake), "points to another address")
        assert other.paths == []


def test_proxies_are_not_used(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")
    monkeypatch.setenv("all_proxy", "http://127.0.0.1:9")
    with running(says(GOOD)) as fake:
        assert ask(fake).text == GOOD


def test_a_server_that_hangs() -> None:
    def hang(handler: Handler, number: int) -> None:
        handler.fake.gone.wait(20)

    begun = time.monotonic()
    with running(hang) as fake:
        fell_back(ask(fake, timeout_s=0.3), "No whole answer came within 0.3 s.")
        assert time.monotonic() - begun < 3
        assert len(fake.asked) == 1


@pytest.mark.parametrize("where", ["head", "body"])
def test_a_server_that_drips(where: str) -> None:
    def drip(handler: Handler, number: int) -> None:
        if where == "body":
            handler.send_response(200)
            handler.send_header("Content-Length", "1000")
            handler.end_headers()
        else:
            handler.wfile.write(b"HTTP/1.1 200 OK\r\nX-A: ")
        for _ in range(400):
            handler.wfile.write(b"a")
            handler.wfile.flush()
            if handler.fake.gone.wait(0.05):
                return

    begun = time.monotonic()
    with running(drip) as fake:
        fell_back(ask(fake, timeout_s=0.5), "No whole answer came within")
        assert time.monotonic() - begun < 3
        assert fake.gone.wait(5)  # it was hung up on


def test_the_time_is_for_both_questions() -> None:
    def slow(handler: Handler, number: int) -> None:
        handler.fake.gone.wait(0.4)
        says("No.")(handler, number)

    with running(slow) as fake:
        result = ask(fake, timeout_s=0.7)
    fell_back(result, "was not usable")
    assert "No whole answer came within" in result.notes[0]
    assert result.seconds < 3


def test_nobody_listens() -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    result = enhance(TEXT, server=f"http://127.0.0.1:{port}", timeout_s=5)
    fell_back(result, f"No server listens at 127.0.0.1:{port}.")


def test_a_connection_that_breaks() -> None:
    with running(lambda handler, number: handler.connection.close()) as fake:
        fell_back(ask(fake), "broke the connection off")


def test_tls_with_a_stranger_is_refused() -> None:
    with running(says(GOOD)) as fake:  # speaks no TLS at all
        result = enhance(TEXT, server=fake.address.replace("http:", "https:"), timeout_s=5)
    fell_back(result, "is not to be trusted")


def test_tls_with_a_friend(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    certificate = _certificate(tmp_path)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    with running(says(GOOD), tls=context) as fake:
        assert fake.address.startswith("https://")
        fell_back(ask(fake), "is not to be trusted")
        monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
        assert ask(fake).text == GOOD


def _certificate(folder: Path) -> Path:
    """Key and certificate of 127.0.0.1 in one file."""
    program = shutil.which("openssl")
    if program is None:
        pytest.skip("needs the openssl program")
    file = folder / "both.pem"
    made = ["req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=here"]
    where = ["-addext", "subjectAltName=IP:127.0.0.1", "-keyout", "key.pem", "-out", "cert.pem"]
    subprocess.run([program, *made, *where], cwd=folder, check=True, capture_output=True)
    file.write_text((folder / "key.pem").read_text() + (folder / "cert.pem").read_text())
    return file


def test_the_same_question_is_answered_from_the_cache(tmp_path: Path) -> None:
    folder = tmp_path / "prompts"
    with running(says(GOOD)) as fake:
        first = ask(fake, cache=folder)
        again = ask(fake, cache=folder)
        assert len(fake.asked) == 1
        ask(fake, cache=folder, seed=1)
        ask(fake, cache=folder, model="m")
        ask(fake, cache=folder, max_words=100)
        enhance(TEXT + " Rain.", server=fake.address, cache=folder)
        assert len(fake.asked) == 5
    assert not first.cached
    assert again.cached
    assert (again.text, again.by) == (first.text, first.by)
    gone = ask(fake, cache=folder)  # the server has stopped
    assert gone.text == GOOD
    assert len(list(folder.iterdir())) == 5


@pytest.mark.parametrize(
    "kept",
    [b"", b"{", b"[]", b'{"text": 1, "by": "x"}', json.dumps({"text": "A.", "by": "x"}).encode()],
)
def test_a_spoilt_cache_is_asked_anew(tmp_path: Path, kept: bytes) -> None:
    with running(says(GOOD)) as fake:
        ask(fake, cache=tmp_path)
        (file,) = tmp_path.iterdir()
        file.write_bytes(kept)
        result = ask(fake, cache=tmp_path)
        assert (result.text, result.cached, len(fake.asked)) == (GOOD, False, 2)
        assert ask(fake, cache=tmp_path).cached


def test_a_cache_that_cannot_be_written_is_said(tmp_path: Path) -> None:
    blocked = tmp_path / "file"
    blocked.write_text("not a folder")
    with running(says(GOOD)) as fake:
        result = ask(fake, cache=blocked)
    assert result.text == GOOD
    assert "could not be kept" in result.notes[0]


def test_a_model_cannot_call_itself_the_rules() -> None:
    with running(says(GOOD, model="rules")) as fake:
        assert ask(fake).by == "language model"
    with running(says(GOOD, model="a\x1b[31m\n" + "b" * 500)) as fake:
        assert ask(fake).by.isprintable()


def test_a_picture_is_sent_small(tmp_path: Path) -> None:
    picture = tmp_path / "first.png"
    Image.new("RGB", (1920, 1080), "red").save(picture)
    with running(says(GOOD)) as fake:
        assert ask(fake, image=picture, cache=tmp_path / "c").text == GOOD
        Image.new("RGB", (64, 64), "blue").save(picture)
        ask(fake, image=picture, cache=tmp_path / "c")
        assert len(fake.asked) == 2  # another picture is another question
    system, user = fake.asked[0]["messages"]
    assert "first picture" in system["content"]
    url = user["content"][0]["image_url"]["url"]
    data = base64.b64decode(url.removeprefix("data:image/png;base64,"))
    with Image.open(io.BytesIO(data)) as sent:
        assert sent.size == (896, 504)


def test_a_picture_that_is_none(tmp_path: Path) -> None:
    (tmp_path / "text.png").write_text("no picture")
    for name in ("text.png", "missing.png"):
        with pytest.raises(AssetError):
            enhance(TEXT, image=tmp_path / name)


def test_bad_arguments_are_refused_before_anything_is_sent() -> None:
    with pytest.raises(InputError, match="no words"):
        enhance("  ")
    with pytest.raises(InputError, match="20,000"):
        enhance("a" * 20_001)
    for wait in (0.0, -1.0, float("nan"), float("inf"), 3601.0):
        with pytest.raises(SettingError):
            enhance(TEXT, timeout_s=wait)
    with pytest.raises(SettingError, match="at least 8"):
        enhance(TEXT, max_words=3)
