"""A real browser, driven through chromedriver in the W3C's WebDriver protocol, for all tests."""

from __future__ import annotations

import contextlib
import json
import shutil
import socket
import subprocess
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

BROWSER = next(
    filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None
)
DRIVER = shutil.which("chromedriver")
SECONDS = 120.0
"""What a busy machine may take for anything."""
MISSING = BROWSER is None or DRIVER is None
KEYS = {"Right": "\ue014", "Left": "\ue012", "Tab": "\ue004", "Escape": "\ue00c"}


class Browser:
    """One window."""

    def __init__(self, address: str, session: str) -> None:
        self._session = f"{address}/session/{session}"

    def open(self, page: Path) -> None:
        """Loads a file."""
        self._post("url", {"url": page.resolve().as_uri()})

    def resize(self, width: int, height: int) -> None:
        """The window."""
        self._post("window/rect", {"width": width, "height": height})

    def look(self, page: Path, width: int, scheme: str) -> None:
        """Opens a file in a window so wide, in a light or dark scheme."""
        size = {"width": width, "height": 900, "deviceScaleFactor": 1, "mobile": False}
        self._devtools("Emulation.setDeviceMetricsOverride", size)
        wish = [{"name": "prefers-color-scheme", "value": scheme}]
        self._devtools("Emulation.setEmulatedMedia", {"features": wish})
        self.open(page)

    def log(self) -> list[dict[str, Any]]:
        """What the console holds since the last call."""
        found: list[dict[str, Any]] = self._post("se/log", {"type": "browser"})
        return found

    def run(self, script: str) -> Any:
        """What a script returns."""
        return self._post("execute/sync", {"script": script, "args": []})

    def keys(self, *keys: str) -> None:
        """Presses keys, one after another."""
        actions = []
        for key in keys:
            value = KEYS.get(key, key)
            actions += [{"type": "keyDown", "value": value}, {"type": "keyUp", "value": value}]
        self._act({"type": "key", "id": "keyboard", "actions": actions})

    def drag(self, start: tuple[float, float], end: tuple[float, float]) -> None:
        """Presses the mouse at one place of the window, moves it to another and lets go."""

        def to(place: tuple[float, float]) -> dict[str, Any]:
            x, y = (round(value) for value in place)
            return {"type": "pointerMove", "duration": 0, "x": x, "y": y, "origin": "viewport"}

        button = {"button": 0}
        steps = [
            to(start), {"type": "pointerDown", **button},
            to(((start[0] + end[0]) / 2, (start[1] + end[1]) / 2)),
            to(end), {"type": "pointerUp", **button},
        ]  # fmt: skip
        self._act({"type": "pointer", "id": "mouse", "actions": steps})

    def _devtools(self, command: str, params: dict[str, Any]) -> None:
        self._post("goog/cdp/execute", {"cmd": command, "params": params})

    def _act(self, source: dict[str, Any]) -> None:
        self._post("actions", {"actions": [source]})

    def _post(self, path: str, body: dict[str, Any]) -> Any:
        return _asked(f"{self._session}/{path}", body)


@contextlib.contextmanager
def browser(downloads: Path) -> Iterator[Browser]:
    """A window that saves what it is given to a folder, without asking."""
    assert BROWSER is not None
    assert DRIVER is not None
    with contextlib.closing(socket.socket()) as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    server = subprocess.Popen(
        [DRIVER, f"--port={port}"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    address = f"http://127.0.0.1:{port}"
    try:
        with tempfile.TemporaryDirectory(prefix="fkd-browser-") as profile:
            options = {
                "binary": BROWSER,
                "args": [
                    "--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage",
                    "--disable-background-networking", "--no-first-run",
                    f"--user-data-dir={profile}", "--window-size=1400,1000",
                ],
                "prefs": {
                    "download.default_directory": str(downloads),
                    "download.prompt_for_download": False,
                },
            }  # fmt: skip
            asked = {"goog:loggingPrefs": {"browser": "ALL"}, "goog:chromeOptions": options}
            wanted = {"capabilities": {"alwaysMatch": asked}}
            _wait_until_up(address, server)
            session = _asked(f"{address}/session", wanted)["sessionId"]
            try:
                yield Browser(address, session)
            finally:
                _asked(f"{address}/session/{session}", None, "DELETE")
    finally:
        server.terminate()
        server.wait(timeout=SECONDS)


def _wait_until_up(address: str, server: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + SECONDS
    while time.monotonic() < deadline and server.poll() is None:
        with contextlib.suppress(OSError):
            _asked(f"{address}/status", None, "GET")
            return
        with contextlib.suppress(subprocess.TimeoutExpired):
            server.wait(timeout=0.1)
    raise AssertionError(f"chromedriver did not answer (exit code {server.poll()})")


def _asked(address: str, body: dict[str, Any] | None, method: str = "POST") -> Any:
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(address, data, {"Content-Type": "application/json"})
    request.method = method
    try:
        with urllib.request.urlopen(request, timeout=SECONDS) as answer:
            return json.load(answer)["value"]
    except urllib.error.HTTPError as error:
        raise AssertionError(error.read().decode()) from error
