from __future__ import annotations

import pytest

from reelwright.errors import SettingError
from reelwright.prompt.chat import server_from_address


@pytest.mark.parametrize(
    ("address", "host", "port", "path"),
    [
        ("http://127.0.0.1:8080", "127.0.0.1", 8080, "/v1/chat/completions"),
        ("http://localhost:1234/v1/", "localhost", 1234, "/v1/chat/completions"),
        ("http://[::1]:9/api/v1/chat/completions", "::1", 9, "/api/v1/chat/completions"),
        ("http://127.8.0.1", "127.8.0.1", 80, "/v1/chat/completions"),
        ("https://example.org/llm", "example.org", 443, "/llm/v1/chat/completions"),
    ],
)
def test_addresses(address: str, host: str, port: int, path: str) -> None:
    server = server_from_address(address)
    assert (server.host, server.port, server.path) == (host, port, path)
    assert server.secure == address.startswith("https")


@pytest.mark.parametrize(
    ("address", "what"),
    [
        ("", "not the address"),
        ("127.0.0.1:8080", "not the address"),
        ("file:///etc/hosts", "not the address"),
        ("http://127.0.0.1:99999", "not an address"),
        ("http://127.0.0.1:80/a b", "not the address"),
        ("http://127.0.0.1:80/a\r\nX: y", "not the address"),
        ("http://me:secret@127.0.0.1:80", "more than host"),
        ("http://127.0.0.1:80/?key=1", "more than host"),
        ("http://192.168.1.4:8080", "another computer"),
        ("http://127.0.0.1.example.org", "another computer"),
        ("http://localhost.example.org", "another computer"),
    ],
)
def test_addresses_that_are_refused(address: str, what: str) -> None:
    with pytest.raises(SettingError, match=what) as caught:
        server_from_address(address)
    assert caught.value.mend
    assert "secret" not in str(caught.value)
