"""One question to an OpenAI-compatible server, with every bound that a stranger needs.

Plain HTTP only to this computer, HTTPS anywhere; no redirects, no proxies, no credentials; time
for the connection and for the whole; a bound on what comes back. Uses the standard library alone.
"""

from __future__ import annotations

import http.client
import json
import socket
import ssl
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass
from ipaddress import ip_address
from urllib.parse import urlsplit

from reelwright.errors import SettingError

CONNECT_TIMEOUT_S = 5.0
MAX_ANSWER_BYTES = 1 << 20
_MEND = "Give it as http://127.0.0.1:8080 (llama-server's own), or an https:// address."


class ChatError(Exception):
    """The server gave no answer that can be read.

    Args:
        reason: Why, in one sentence, for people.
        again: Whether asking again may help (it was loading, or busy).
    """

    def __init__(self, reason: str, *, again: bool = False) -> None:
        super().__init__(reason)
        self.reason = reason
        self.again = again


@dataclass(frozen=True, slots=True)
class Server:
    """Where questions go.

    Attributes:
        host: Name or address.
        port: Its port.
        path: Path of the chat endpoint.
        secure: Whether it is HTTPS.
    """

    host: str
    port: int
    path: str
    secure: bool


@dataclass(frozen=True, slots=True)
class Reply:
    """What a server answered.

    Attributes:
        text: Its words.
        model: What it calls its model; empty if it does not say.
        cut_short: Whether it stopped at the limit of its length.
    """

    text: str
    model: str
    cut_short: bool


def server_from_address(address: str) -> Server:
    """Read a server's address: `http://127.0.0.1:8080`, with or without `/v1`.

    Raises:
        SettingError: It is not one, holds a name and password, or is plain HTTP to another
            computer, which anybody between could read and change.
    """
    try:
        parts = urlsplit(address.strip())
        host, port = parts.hostname or "", parts.port
    except ValueError as error:
        raise SettingError(f"{address!r} is not an address.", _MEND) from error
    plain = address.isascii() and address.isprintable() and " " not in address.strip()
    if parts.scheme not in ("http", "https") or not host or not plain:
        raise SettingError(f"{address!r} is not the address of a server.", _MEND)
    if parts.username is not None or parts.password is not None or parts.query or parts.fragment:
        raise SettingError(
            "The server's address holds more than host, port and path.", _MEND, where=host
        )
    secure = parts.scheme == "https"
    if not secure and not _is_loopback(host):
        raise SettingError(
            f"{host} is another computer, and http:// is not protected on the way.",
            "Use https://, or a tunnel: ssh -L 8080:127.0.0.1:8080 and http://127.0.0.1:8080.",
        )
    return Server(host, port or (443 if secure else 80), _endpoint(parts.path), secure)


def ask(server: Server, question: Mapping[str, object], *, timeout_s: float) -> Reply:
    """Ask once and wait for the whole answer.

    Args:
        server: From `server_from_address`.
        question: Body of the request, as `/v1/chat/completions` takes it.
        timeout_s: For everything, from connecting to the last byte.

    Raises:
        ChatError: No connection, no answer in time, an error, or an answer that cannot be read.
    """
    status, body = _exchange(server, json.dumps(question).encode(), timeout_s)
    if 300 <= status < 400:
        raise ChatError("The server points to another address, which is not followed.")
    if status != 200:
        again = status in (429, 500, 502, 503, 504)
        raise ChatError(f"The server answered with HTTP status {status}.", again=again)
    return _reply(body)


def _is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False


def _endpoint(path: str) -> str:
    base = path.rstrip("/")
    if base.endswith("/chat/completions"):
        return base
    return f"{base}/chat/completions" if base.endswith("/v1") else f"{base}/v1/chat/completions"


def _exchange(server: Server, body: bytes, timeout_s: float) -> tuple[int, bytes]:
    """Status and body of one POST, within the time."""
    deadline = time.monotonic() + timeout_s
    try:
        with closing(_connected(server, min(CONNECT_TIMEOUT_S, timeout_s))) as sock:
            status, data = _post(sock, server, body, deadline)
    except (OSError, http.client.HTTPException, ValueError) as error:
        if time.monotonic() >= deadline:
            raise ChatError(f"No whole answer came within {timeout_s:.1f} s.") from error
        raise ChatError(_why(server, error)) from error
    if time.monotonic() >= deadline:
        raise ChatError(f"No whole answer came within {timeout_s:.1f} s.")
    if len(data) > MAX_ANSWER_BYTES:
        raise ChatError("The answer is above 1 MiB.")
    return status, data


def _connected(server: Server, timeout_s: float) -> socket.socket:
    sock = socket.create_connection((server.host, server.port), timeout_s)
    if not server.secure:
        return sock
    try:
        return ssl.create_default_context().wrap_socket(
            sock, server_hostname=server.host, do_handshake_on_connect=False
        )
    except (OSError, ValueError):
        sock.close()
        raise


def _post(sock: socket.socket, server: Server, body: bytes, deadline: float) -> tuple[int, bytes]:
    headers = {"Content-Type": "application/json", "Accept": "application/json"}
    with _until(sock, deadline):
        if isinstance(sock, ssl.SSLSocket):
            sock.do_handshake()
        connection = http.client.HTTPConnection(server.host, server.port)
        connection.sock = sock
        connection.request("POST", server.path, body, {**headers, "Connection": "close"})
        with closing(connection.getresponse()) as response:
            return response.status, response.read(MAX_ANSWER_BYTES + 1)


@contextmanager
def _until(sock: socket.socket, deadline: float) -> Iterator[None]:
    """Hang up at the deadline, however slowly the other side goes on sending.

    A socket's own time-out is for each read: one byte every few seconds would never end.
    """
    left = max(deadline - time.monotonic(), 0.01)
    sock.settimeout(left)
    timer = threading.Timer(left, _hang_up, (sock,))
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()


def _hang_up(sock: socket.socket) -> None:
    try:
        # Of the plain socket: TLS's own would take its state away under the reading thread.
        socket.socket.shutdown(sock, socket.SHUT_RDWR)
    except OSError:
        return


def _why(server: Server, error: Exception) -> str:
    place = f"{server.host}:{server.port}"
    if isinstance(error, ConnectionRefusedError):
        return f"No server listens at {place}."
    if isinstance(error, ssl.SSLError):
        return f"{place} is not to be trusted: {error.reason or 'its certificate is not valid'}."
    if isinstance(error, TimeoutError):
        return f"{place} did not take the connection in time."
    if isinstance(error, socket.gaierror):
        return f"No computer is called {server.host}."
    return f"{place} broke the connection off ({type(error).__name__})."


def _reply(body: bytes) -> Reply:
    """Read a chat completion.

    Raises:
        ChatError: It is none.
    """
    try:
        data = json.loads(body)
        choice = data["choices"][0]
        text, model = choice["message"]["content"], data.get("model")
        finish = choice.get("finish_reason")
    except (ValueError, LookupError, TypeError, AttributeError, RecursionError) as error:
        raise ChatError("The answer is not a chat completion.", again=True) from error
    if not isinstance(text, str):
        raise ChatError("The answer holds no text.", again=True)
    return Reply(text, model if isinstance(model, str) else "", finish == "length")
