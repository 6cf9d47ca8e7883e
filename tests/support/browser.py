"""A small driver for headless Chromium over its DevTools protocol."""

from __future__ import annotations

import asyncio
import itertools
import json
import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Final, Literal

import aiohttp

from tests.support.waiting import wait_until

__all__ = ["Page", "browser_page"]

_SWITCHES = (
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
    "--disable-background-networking", "--disable-component-update", "--disable-sync",
    "--disable-dev-shm-usage", "--remote-debugging-port=0", "--window-size=1280,900",
)  # fmt: skip
_KEYS: Final[dict[str, tuple[str, int, str]]] = {
    "Enter": ("Enter", 13, "\r"),
    "Tab": ("Tab", 9, ""),
    "Escape": ("Escape", 27, ""),
}
"""name → its code, its number, and what it types."""

_REFUSAL: Final = "status of 409"
"""The sandbox lets a person not do something, and the page shows that; Chromium notes it too."""


class Page:
    """One tab.

    Attributes:
        errors: What the page did wrong so far: uncaught exceptions, and the console's errors and
            warnings, the browser's own among them.
    """

    def __init__(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        self._socket = socket
        self._numbers = itertools.count(1)
        self.errors: list[str] = []

    async def call(self, method: str, **params: Any) -> dict[str, Any]:
        """Give one DevTools command, and return its result."""
        number = next(self._numbers)
        await self._socket.send_json({"id": number, "method": method, "params": params})
        while True:
            answer = json.loads(await self._socket.receive_str(timeout=20))
            if answer.get("id") == number:
                assert "error" not in answer, answer["error"]
                result: dict[str, Any] = answer["result"]
                return result
            self._note(answer)

    def _note(self, event: dict[str, Any]) -> None:
        params = event.get("params", {})
        match event.get("method"):
            case "Runtime.exceptionThrown":
                self.errors.append(str(params["exceptionDetails"]))
            case "Runtime.consoleAPICalled" if params["type"] in ("error", "warning", "assert"):
                self.errors.append(str(params["args"]))
            case "Log.entryAdded" if params["entry"]["level"] in ("error", "warning"):
                if _REFUSAL not in params["entry"]["text"]:
                    self.errors.append(str(params["entry"]))

    async def value(self, expression: str) -> Any:
        """Return the value of a JavaScript expression."""
        answer = await self.call(
            "Runtime.evaluate", expression=expression, awaitPromise=True, returnByValue=True
        )
        assert "exceptionDetails" not in answer, answer
        return answer["result"].get("value")

    async def until(self, expression: str, timeout: float = 30) -> None:
        """Wait until a JavaScript expression is true."""
        await wait_until(lambda: self.value(expression), expression, timeout=timeout)

    async def open(self, url: str) -> None:
        """Load a page, and return when it is there."""
        for domain in ("Runtime", "Page", "Log"):
            await self.call(f"{domain}.enable")
        await self.value("window.theOneBefore = true")
        await self.call("Page.navigate", url=url)
        await self.until("!window.theOneBefore && document.readyState === 'complete'")

    async def look(self, *, width: int, scheme: Literal["light", "dark"]) -> None:
        """Give the window another width, in points, and the person another taste."""
        await self.call(
            "Emulation.setDeviceMetricsOverride",
            width=width, height=844, deviceScaleFactor=1, mobile=width < 600,
        )  # fmt: skip
        features = [{"name": "prefers-color-scheme", "value": scheme}]
        await self.call("Emulation.setEmulatedMedia", features=features)

    async def click(self, testid: str) -> None:
        """Click the first element with a `data-testid`, as a person would."""
        await self.click_on(f'[data-testid="{testid}"]')

    async def click_on(self, selector: str) -> None:
        """Press the left button on the first element of a CSS selector, once it can be hit.

        What covers it, or makes it jump away, gets no click in its place.
        """
        hit = (
            f"(() => {{ const node = document.querySelector({json.dumps(selector)});"
            " if (!node) return null;"
            " node.scrollIntoView({block: 'center'});"
            " const box = node.getBoundingClientRect();"
            " const x = box.x + box.width / 2, y = box.y + box.height / 2;"
            " const top = document.elementFromPoint(x, y);"
            " return top && node.contains(top) ? [x, y] : null; })()"
        )
        found: list[float] = []

        async def there() -> bool:
            found[:] = await self.value(hit) or []
            return bool(found)

        await wait_until(there, f"{selector} can be clicked")
        for kind in ("mousePressed", "mouseReleased"):
            await self.call(
                "Input.dispatchMouseEvent",
                type=kind, x=found[0], y=found[1], button="left", clickCount=1,
            )  # fmt: skip

    async def type(self, text: str) -> None:
        """Insert text where the focus is."""
        await self.call("Input.insertText", text=text)

    async def enter(self) -> None:
        """Press Enter where the focus is."""
        await self.press("Enter")

    async def press(self, key: str) -> None:
        """Press `Enter`, `Tab` or `Escape` where the focus is."""
        code, number, text = _KEYS[key]
        for kind in ("keyDown", "keyUp"):
            await self.call(
                "Input.dispatchKeyEvent",
                type=kind, key=key, code=code, windowsVirtualKeyCode=number, text=text,
            )  # fmt: skip


@asynccontextmanager
async def browser_page(profile: Path) -> AsyncIterator[Page]:
    """Give a tab of a fresh Chromium with its profile in *profile*."""
    program = shutil.which("chromium") or shutil.which("google-chrome")
    assert program is not None, "chromium is needed for the page's tests; `make test` installs it"
    process = await asyncio.create_subprocess_exec(
        program, *_SWITCHES, f"--user-data-dir={profile}", "about:blank",
        stdout=asyncio.subprocess.DEVNULL, stderr=asyncio.subprocess.DEVNULL,
    )  # fmt: skip
    port_file = profile / "DevToolsActivePort"
    try:
        # It is there before it is written.
        await wait_until(
            lambda: port_file.exists() and "\n" in port_file.read_text(),
            "chromium's debugging port",
            timeout=30,
        )
        port = port_file.read_text().split("\n")[0]
        async with aiohttp.ClientSession() as session:
            async with session.get(f"http://127.0.0.1:{port}/json") as response:
                tabs = await response.json()
            address = next(tab for tab in tabs if tab["type"] == "page")["webSocketDebuggerUrl"]
            async with session.ws_connect(address, max_msg_size=0) as socket:
                yield Page(socket)
    finally:
        process.terminate()
        await process.wait()
