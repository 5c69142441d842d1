"""Requests over connections that are kept."""

from __future__ import annotations

import http.client
import os
import ssl
import threading
from typing import Dict, Mapping, NamedTuple, Optional
from urllib.parse import urlsplit

from ._errors import Unreachable

BODY_BYTES_MAX = 256 * 1024 * 1024
"""Bytes of an answer, at most."""


class Answer(NamedTuple):
    """What the server said."""

    status: int
    headers: Mapping[str, str]
    body: bytes


class Door:
    """One server, with a connection for each thread of each process."""

    def __init__(
        self, url: str, token: Optional[str], timeout: float, context: Optional[ssl.SSLContext]
    ) -> None:
        parts = urlsplit(url)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise ValueError(f"`{url}` is no address: write e.g. https://outlay.example.com")
        if parts.username is not None or parts.query or parts.fragment:
            raise ValueError("an address has no credentials, query or fragment: use `token`")
        self._secure = parts.scheme == "https"
        self._host = parts.hostname
        self._port = parts.port
        self._prefix = parts.path.rstrip("/")
        self._timeout = timeout
        self._context = context
        self._own = threading.local()
        self._headers: Dict[str, str] = {"accept": "application/json", "user-agent": "outlay-python"}
        if token:
            self._headers["authorization"] = f"Bearer {token}"

    def ask(
        self,
        method: str,
        path: str,
        body: Optional[bytes] = None,
        *,
        may_repeat: bool,
    ) -> Answer:
        """Sends a request, and waits for the whole answer. Raises `Unreachable`.

        A kept connection may have been closed by the other side meanwhile. What `may_repeat` is sent
        once more then, because it is not known whether it was heard; anything else goes over a
        connection of its own from the start.
        """
        headers = dict(self._headers)
        if body is not None:
            headers["content-type"] = "application/json"
        if not may_repeat:
            self.close()
        for is_last in (not may_repeat, True):
            connection, is_kept = self._connection()
            try:
                connection.request(method, self._prefix + path, body, headers)
                response = connection.getresponse()
                read = response.read(BODY_BYTES_MAX + 1)
            except (OSError, http.client.HTTPException) as error:
                self.close()
                is_stale = isinstance(error, (ConnectionError, http.client.BadStatusLine))
                if is_kept and is_stale and not is_last:
                    continue
                raise Unreachable(f"{type(error).__name__}: {error}") from error
            if len(read) > BODY_BYTES_MAX:
                self.close()
                raise Unreachable("the answer is longer than 256 MiB")
            told = {name.lower(): value for name, value in response.getheaders()}
            return Answer(response.status, told, read)
        raise AssertionError("the last round answers or raises")

    def close(self) -> None:
        """Closes this thread's connection."""
        connection: Optional[http.client.HTTPConnection]
        connection = getattr(self._own, "connection", None)
        self._own.connection = None
        if connection is not None and self._own.process == os.getpid():
            connection.close()

    def _connection(self) -> tuple[http.client.HTTPConnection, bool]:
        """This thread's connection, and whether it was used before."""
        kept: Optional[http.client.HTTPConnection] = getattr(self._own, "connection", None)
        # What was opened before a fork belongs to the parent.
        if kept is not None and self._own.process == os.getpid():
            return kept, kept.sock is not None
        made: http.client.HTTPConnection
        if self._secure:
            context = self._context or ssl.create_default_context()
            made = http.client.HTTPSConnection(
                self._host, self._port, timeout=self._timeout, context=context
            )
        else:
            made = http.client.HTTPConnection(self._host, self._port, timeout=self._timeout)
        self._own.connection, self._own.process = made, os.getpid()
        return made, False
