"""A real Chromium, driven over its DevTools protocol: no driver program and no further package."""

import asyncio
import base64
import json
import os
import shutil
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp

FLAGS = (
    "--headless=new", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-sync",
    "--disable-background-networking", "--disable-component-update", "--disable-default-apps",
    "--disable-extensions", "--disable-dev-shm-usage", "--no-proxy-server", "--remote-debugging-port=0",
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1, EXCLUDE localhost",
)  # fmt: skip
MIDDLE = """(selector) => {
  const el = document.querySelector(selector);
  if (!el || el.disabled) return null;
  el.scrollIntoView({ block: "center", behavior: "instant" });
  const box = el.getBoundingClientRect();
  return [box.x + box.width / 2, box.y + box.height / 2];
}"""
START_S = 30.0
ANSWER_S = 20.0


def find_chromium() -> str | None:
    """The browser's program, if there is one here."""
    names = ("chromium", "chromium-browser", "google-chrome", "chrome")
    return os.environ.get("MODELHUB_TEST_CHROMIUM") or next(filter(None, map(shutil.which, names)), None)


class Tab:
    """One tab. `complaints` gathers what the console and the security policy had to say."""

    def __init__(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        self._socket = socket
        self._asked = 0
        self._answers: dict[int, asyncio.Future[dict[str, Any]]] = {}
        self.complaints: list[str] = []

    async def listen(self) -> None:
        """Take in what the browser tells, until it goes."""
        async for message in self._socket:
            told = json.loads(message.data)
            if "id" in told:
                waiting = self._answers.pop(told["id"], None)
                if waiting is not None and not waiting.done():
                    waiting.set_result(told)
            else:
                self._note(told["method"], told["params"])

    def _note(self, method: str, params: dict[str, Any]) -> None:
        if method == "Runtime.exceptionThrown":
            self.complaints.append(json.dumps(params["exceptionDetails"])[:600])
        if method == "Log.entryAdded" and params["entry"]["level"] == "error":
            self.complaints.append(f"{params['entry']['text']} {params['entry'].get('url', '')}")
        if method == "Runtime.consoleAPICalled" and params["type"] in ("error", "warning", "assert"):
            self.complaints.append(json.dumps(params["args"])[:600])

    async def ask(self, method: str, **params: Any) -> dict[str, Any]:
        """Ask the browser; its refusal is an AssertionError."""
        self._asked += 1
        number = self._asked
        self._answers[number] = asyncio.get_running_loop().create_future()
        await self._socket.send_json({"id": number, "method": method, "params": params})
        answer = await asyncio.wait_for(self._answers[number], ANSWER_S)
        assert "error" not in answer, (method, answer["error"])
        result: dict[str, Any] = answer["result"]
        return result

    async def begin(self, width: int, height: int) -> None:
        for domain in ("Page", "Runtime", "Log", "DOM"):
            await self.ask(f"{domain}.enable")
        await self.resize(width, height)

    async def resize(self, width: int, height: int, scale: float = 1) -> None:
        await self.ask(
            "Emulation.setDeviceMetricsOverride",
            width=width, height=height, deviceScaleFactor=scale, mobile=False,
        )  # fmt: skip

    async def theme(self, word: str) -> None:
        await self.ask(
            "Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": word}]
        )

    async def goto(self, url: str) -> None:
        await self.ask("Page.navigate", url=url)

    async def evaluate(self, script: str) -> Any:
        """The JSON value of an expression, awaited if it is a promise."""
        answer = await self.ask(
            "Runtime.evaluate", expression=script, awaitPromise=True, returnByValue=True, userGesture=True
        )
        assert "exceptionDetails" not in answer, answer["exceptionDetails"]
        return answer["result"].get("value")

    async def until(self, script: str, within_s: float = 15.0) -> Any:
        """The first value of an expression that JavaScript takes for true; an element is an empty object."""
        value = None
        try:
            async with asyncio.timeout(within_s):
                while (value := await self.evaluate(script)) in (None, False, 0, ""):
                    await asyncio.sleep(0.05)
        except TimeoutError:
            text = await self.evaluate("document.body?.innerText")
            raise AssertionError(f"never true: {script}\n{text}\n{self.complaints}") from None
        return value

    async def click(self, selector: str) -> None:
        """Click the middle of the element with the mouse, as a person does."""
        spot = await self.until(f"({MIDDLE})({json.dumps(selector)})")
        place = {"x": spot[0], "y": spot[1]}
        await self.ask("Input.dispatchMouseEvent", type="mouseMoved", **place)
        for kind in ("mousePressed", "mouseReleased"):
            await self.ask("Input.dispatchMouseEvent", type=kind, button="left", clickCount=1, **place)

    async def type(self, text: str) -> None:
        await self.ask("Input.insertText", text=text)

    async def press(self, key: str, code: int, text: str = "") -> None:
        """Press and release a key, such as ("Tab", 9) or ("Enter", 13, "\\r")."""
        rest = {"key": key, "code": key, "windowsVirtualKeyCode": code}
        await self.ask("Input.dispatchKeyEvent", type="keyDown" if text else "rawKeyDown", text=text, **rest)
        await self.ask("Input.dispatchKeyEvent", type="keyUp", **rest)

    async def screenshot(self, path: Path) -> None:
        answer = await self.ask("Page.captureScreenshot", format="png")
        await asyncio.to_thread(path.write_bytes, base64.b64decode(answer["data"]))


@asynccontextmanager
async def open_tab(program: str, *, width: int = 1320, height: int = 900) -> AsyncIterator[Tab]:
    """A tab of a fresh browser with a profile of its own, both gone afterwards."""
    profile = Path(tempfile.mkdtemp(prefix="modelhub-chromium-"))
    process = await asyncio.create_subprocess_exec(
        program, *FLAGS, f"--user-data-dir={profile}", "about:blank",
        stdin=asyncio.subprocess.DEVNULL, stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.DEVNULL, start_new_session=True,
    )  # fmt: skip
    try:
        async with asyncio.timeout(START_S):
            while not (port := _port(profile)):
                await asyncio.sleep(0.05)
        async with aiohttp.ClientSession() as session:
            async with session.get(f"http://127.0.0.1:{port}/json/list") as answer:
                targets = await answer.json()
            url = next(target["webSocketDebuggerUrl"] for target in targets if target["type"] == "page")
            async with session.ws_connect(url, max_msg_size=64 * 1024 * 1024) as socket:
                tab = Tab(socket)
                listening = asyncio.create_task(tab.listen())
                try:
                    await tab.begin(width, height)
                    yield tab
                finally:
                    listening.cancel()
    finally:
        if process.returncode is None:
            process.terminate()
        try:
            await asyncio.wait_for(process.wait(), 10)
        except TimeoutError:
            process.kill()
            await process.wait()
        await asyncio.to_thread(shutil.rmtree, profile, True)


def _port(profile: Path) -> int:
    try:
        return int((profile / "DevToolsActivePort").read_text().splitlines()[0])
    except (OSError, ValueError, IndexError):
        return 0
