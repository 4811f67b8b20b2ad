"""A small OpenAI-compatible server that answers as it is told, well or badly."""

from __future__ import annotations

import json
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

Behave = Callable[["Handler", int], None]


@dataclass
class Fake:
    """The server, and what it was asked."""

    address: str
    asked: list[dict[str, Any]] = field(default_factory=list)
    paths: list[str] = field(default_factory=list)
    headers: list[dict[str, str]] = field(default_factory=list)
    gone: threading.Event = field(default_factory=threading.Event)


class Handler(BaseHTTPRequestHandler):
    behave: Behave
    fake: Fake

    def do_POST(self) -> None:
        size = int(self.headers["Content-Length"])
        self.fake.asked.append(json.loads(self.rfile.read(size)))
        self.fake.paths.append(self.path)
        self.fake.headers.append({k.lower(): v for k, v in self.headers.items()})
        try:
            type(self).behave(self, len(self.fake.asked))
        except (BrokenPipeError, ConnectionResetError):
            self.fake.gone.set()

    def do_GET(self) -> None:
        self.fake.paths.append(f"GET {self.path}")

    def log_message(self, format: str, *args: Any) -> None:
        return

    def give(self, status: int, body: bytes, **headers: str) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


def says(*texts: str, model: str = "gemma-3-12b-it", finish: str = "stop") -> Behave:
    """Answer with each text in turn, and the last one ever after."""

    def behave(handler: Handler, number: int) -> None:
        text = texts[min(number, len(texts)) - 1]
        choice = {"message": {"role": "assistant", "content": text}, "finish_reason": finish}
        handler.give(200, json.dumps({"model": model, "choices": [choice]}).encode())

    return behave


class Server(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, request: Any, client_address: Any) -> None:
        return  # some tests hang up on it


@contextmanager
def running(behave: Behave, tls: ssl.SSLContext | None = None) -> Iterator[Fake]:
    fake = Fake("")
    kind = type("H", (Handler,), {"behave": staticmethod(behave), "fake": fake})
    server = Server(("127.0.0.1", 0), kind)
    if tls is not None:
        server.socket = tls.wrap_socket(server.socket, server_side=True)
    fake.address = f"http{'s' * (tls is not None)}://127.0.0.1:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield fake
    finally:
        fake.gone.set()
        server.shutdown()
        server.server_close()
        thread.join()
