"""The real program, and servers that do what the real one does only on bad days."""

from __future__ import annotations

import json
import os
import re
import shutil
import socket
import subprocess
import tempfile
import threading
import time
import urllib.error
import urllib.request
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, Callable, Dict, List, Optional, Tuple

PATIENCE = 60.0
"""How long something may take on a busy machine, in seconds."""

ROOT = Path(__file__).resolve().parents[3]
PROGRAM = os.environ.get("OUTLAY_BIN") or str(
    Path(os.environ.get("CARGO_TARGET_DIR") or ROOT / "target") / "debug" / "outlay"
)


def wait_until(holds: Callable[[], bool], what: str) -> None:
    """Waits for a condition, and fails where it does not come true."""
    deadline = time.monotonic() + PATIENCE
    while not holds():
        if time.monotonic() > deadline:
            raise AssertionError(f"did not come true in {PATIENCE:.0f} s: {what}")
        threading.Event().wait(0.01)


class Server:
    """The real program on a data folder of its own."""

    def __init__(self) -> None:
        self._folder = tempfile.mkdtemp(prefix="outlay-python.")
        self.data = os.path.join(self._folder, "data")
        self._log = Path(self._folder) / "log"
        self._port = 0
        self._process: Optional[subprocess.Popen[bytes]] = None
        self.start()
        self.token = self._run("token", "--user", "tests", "--role", "admin", "--ttl", "1h").strip()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._port}"

    def start(self) -> None:
        """Starts it, again on the port that it had."""
        before = self._log.stat().st_size if self._log.exists() else 0
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(
                [PROGRAM, "serve", "--data", self.data, "--listen", f"127.0.0.1:{self._port}"],
                stdin=subprocess.DEVNULL, stdout=log, stderr=log,
            )  # fmt: skip
        wait_until(lambda: self._is_ready(before), "the server answers")

    def _is_ready(self, before: int) -> bool:
        said = self._log.read_bytes()[before:].decode(errors="replace")
        assert self._process is not None
        if self._process.poll() is not None:
            raise AssertionError(f"the server ended: {said}")
        address = re.search(r"Outlay is at http://127\.0\.0\.1:(\d+)", said)
        if address is None:
            return False
        self._port = int(address[1])
        try:
            with urllib.request.urlopen(f"{self.url}/readyz", timeout=PATIENCE):
                return True
        except (urllib.error.URLError, OSError):
            return False

    def kill(self) -> None:
        """Ends it as a power cut would."""
        assert self._process is not None
        self._process.kill()
        self._process.wait()

    def end(self) -> None:
        self.kill()
        shutil.rmtree(self._folder, ignore_errors=True)

    def _run(self, *words: str) -> str:
        done = subprocess.run(
            [PROGRAM, *words, "--data", self.data], capture_output=True, check=True, text=True
        )
        return done.stdout

    def ask(self, method: str, path: str, body: Any = None) -> Any:
        """Asks without the client that is tested."""
        headers = {"authorization": f"Bearer {self.token}", "content-type": "application/json"}
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(self.url + path, data, headers, method=method)
        with urllib.request.urlopen(request, timeout=PATIENCE) as answer:
            return json.loads(answer.read())

    def count(self, source: str) -> int:
        """How many events of that source are counted."""
        answer = self.ask("GET", f"/api/v1/usage/total?measures=events&source={source}")
        return int(answer["total"]["events"])


Reply = Tuple[int, Dict[str, str], Any]


class Scripted:
    """A server that answers as a test says, or hangs up, and remembers what it was sent."""

    def __init__(self, reply: Callable[[int, Any], Optional[Reply]]) -> None:
        self.bodies: List[Any] = []
        scripted = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                body = json.loads(self.rfile.read(int(self.headers["content-length"])))
                scripted.bodies.append(body)
                replied = reply(len(scripted.bodies), body)
                if replied is None:
                    self.close_connection = True
                    return
                status, headers, told = replied
                text = json.dumps(told).encode()
                self.send_response(status)
                for name, value in headers.items():
                    self.send_header(name, value)
                self.send_header("content-length", str(len(text)))
                self.end_headers()
                self.wfile.write(text)

            def log_message(self, format: str, *args: Any) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True).start()
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"

    def end(self) -> None:
        self._server.shutdown()
        self._server.server_close()


def accept_all(body: List[Any]) -> Reply:
    items = [{"index": at, "id": event["id"], "outcome": "accepted"} for at, event in enumerate(body)]
    return 200, {}, {"accepted": len(body), "repeated": 0, "refused": 0, "items": items}


class Silent:
    """A server that takes connections, and never answers."""

    def __init__(self) -> None:
        self._socket = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._socket.getsockname()[1]}"

    def end(self) -> None:
        self._socket.close()


class Swallowing:
    """A way to a server on which the first answers are lost, after what was asked was done."""

    def __init__(self, server: Server, lost: int) -> None:
        self._server = server
        self._left = lost
        self._socket = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._socket.getsockname()[1]}"
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self) -> None:
        while True:
            try:
                inner, _ = self._socket.accept()
            except OSError:
                return
            threading.Thread(target=self._carry, args=(inner,), daemon=True).start()

    def _carry(self, inner: socket.socket) -> None:
        port = int(self._server.url.rsplit(":", 1)[1])
        with inner, socket.create_connection(("127.0.0.1", port)) as outer:

            def forward() -> None:
                try:
                    while chunk := inner.recv(65536):
                        outer.sendall(chunk)
                except OSError:
                    pass

            threading.Thread(target=forward, daemon=True).start()
            while chunk := outer.recv(65536):
                if self._left:
                    self._left -= 1
                    # Closing alone would leave it open for the thread that reads from it.
                    inner.shutdown(socket.SHUT_RDWR)
                    return
                inner.sendall(chunk)

    def end(self) -> None:
        self._socket.close()
