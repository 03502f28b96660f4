"""A real Chromium, driven by chromedriver through the WebDriver protocol."""

from __future__ import annotations

import contextlib
import json
import shutil
import socket
import subprocess
import time
import urllib.request
from collections.abc import Iterator
from typing import Any

CHROMEDRIVER = shutil.which("chromedriver")
_ARGUMENTS = (
    "--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage",
    "--disable-background-networking", "--no-first-run",
)  # fmt: skip


class Browser:
    """One window."""

    def __init__(self, address: str) -> None:
        self._address = address

    def look(self, url: str, width: int, scheme: str) -> None:
        """Opens a page in a window so wide, in a light or dark scheme."""
        size = {"width": width, "height": 900, "deviceScaleFactor": 1, "mobile": False}
        self._devtools("Emulation.setDeviceMetricsOverride", size)
        wish = [{"name": "prefers-color-scheme", "value": scheme}]
        self._devtools("Emulation.setEmulatedMedia", {"features": wish})
        self._send("/url", {"url": url})

    def run(self, script: str) -> Any:
        """What a script returns."""
        return self._send("/execute/sync", {"script": script, "args": []})

    def log(self) -> list[dict[str, Any]]:
        """What the console holds since the last call."""
        found: list[dict[str, Any]] = self._send("/se/log", {"type": "browser"})
        return found

    def _devtools(self, command: str, params: dict[str, Any]) -> Any:
        return self._send("/goog/cdp/execute", {"cmd": command, "params": params})

    def _send(self, path: str, body: dict[str, Any]) -> Any:
        return _post(self._address + path, body)


@contextlib.contextmanager
def browser() -> Iterator[Browser]:
    """A browser for as long as the block runs."""
    assert CHROMEDRIVER is not None
    with contextlib.closing(socket.socket()) as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    server = subprocess.Popen(
        [CHROMEDRIVER, f"--port={port}"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    try:
        address = f"http://127.0.0.1:{port}"
        _wait(address, server)
        wanted = {
            "browserName": "chrome",
            "goog:loggingPrefs": {"browser": "ALL"},
            "goog:chromeOptions": {"args": list(_ARGUMENTS)},
        }
        session = _post(f"{address}/session", {"capabilities": {"alwaysMatch": wanted}})
        own = f"{address}/session/{session['sessionId']}"
        try:
            yield Browser(own)
        finally:
            with contextlib.suppress(OSError):
                urllib.request.urlopen(urllib.request.Request(own, method="DELETE"), timeout=120)
    finally:
        server.terminate()
        server.wait(timeout=120)


def _wait(address: str, server: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + 120
    while time.monotonic() < deadline and server.poll() is None:
        with contextlib.suppress(OSError), urllib.request.urlopen(f"{address}/status", timeout=60):
            return
        with contextlib.suppress(subprocess.TimeoutExpired):
            server.wait(timeout=0.1)
    raise RuntimeError(f"chromedriver does not answer (exit code {server.poll()})")


def _post(address: str, body: dict[str, Any]) -> Any:
    request = urllib.request.Request(
        address, json.dumps(body).encode(), {"Content-Type": "application/json"}, method="POST"
    )
    with urllib.request.urlopen(request, timeout=300) as answer:
        return json.load(answer)["value"]
