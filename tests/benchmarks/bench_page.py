"""The Hub page in a browser: what the first paint takes, and frames with 500 cards and 50 live downloads.

`python -m tests.benchmarks page [--write]`; --write puts the figures into docs/benchmarks/page.md.
"""

import argparse
import asyncio
import contextlib
import http.server
import json
import os
import statistics
import tempfile
import threading
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from playwright.async_api import Browser, BrowserContext, CDPSession, Page, ViewportSize, expect

from modelhub_client import Client
from tests.benchmarks.figures import percentile
from tests.browser.browser import ABSENT, find_chromium, running_browser
from tests.running import free_port, running_daemon

PAGE = Path(__file__).parent.parent.parent / "docs" / "benchmarks" / "page.md"
MODELS = 500
DOWNLOADS = 50
GAUGE_MS = 100
FRAMES_S = 8
WAIT_S = 60
ROUNDS = 7
FIRST_CARDS = 12
"""So many the page shows at first, see search.js."""
SIZE: ViewportSize = {"width": 1320, "height": 900}
VISITS = {
    "empty": "a page with one word",
    "finished": "the same cards, finished",
    "first": "first visit",
    "open": "first visit, connections open",
    "later": "later visit",
}
EMPTY = "<!doctype html><title>Empty</title><p class=card>Empty</p>"

FIRST_CARD = """new MutationObserver((_, observer) => {
  const words = document.querySelector(".card p") ?? document.querySelector("p.card");
  if (!words) return;
  observer.disconnect();
  words.setAttribute("elementtiming", "card");
  new PerformanceObserver((list) => { window.firstCard ??= list.getEntries()[0].renderTime; })
    .observe({ type: "element", buffered: true });
}).observe(document, { childList: true, subtree: true });"""
SEEN = "() => window.firstCard && performance.getEntriesByName('first-contentful-paint').length"
FINISHED = """(cards) => {
  const page = document.documentElement.cloneNode(true);
  const gone = `script, link[rel=modulepreload], .card:nth-child(n+${cards + 1})`;
  for (const el of page.querySelectorAll(gone)) el.remove();
  return "<!doctype html>" + page.outerHTML;
}"""
LOADED = """() => {
  const entries = ["navigation", "resource"].flatMap((type) => performance.getEntriesByType(type));
  const [paint] = performance.getEntriesByName("first-contentful-paint");
  return { bytes: entries.reduce((sum, entry) => sum + entry.transferSize, 0),
    requests: entries.filter((entry) => entry.transferSize > 0).length,
    paint: paint.startTime, card: window.firstCard };
}"""
LIVE = """(({ downloads, everyMs }) => {
  delete window.SharedWorker;
  const real = window.fetch;
  const line = (frame) => new TextEncoder().encode(JSON.stringify(frame) + "\\n");
  window.fetch = (input, init) => {
    if (!String(input).includes("/events")) return real(input, init);
    const body = new ReadableStream({ start(controller) {
      controller.enqueue(line({ type: "hello", data: { heartbeat_s: 15 } }));
      const state = { downloads, library: [], servers: [], updates: [] };
      controller.enqueue(line({ type: "snapshot", id: "e-1", data: { reason: "fresh", state } }));
      controller.enqueue(line({ type: "ready", id: "e-1", data: {} }));
      let done = 0;
      setInterval(() => {
        done += 4e6;
        for (const { id } of downloads) {
          const numbers = { done_bytes: done, total_bytes: 8e9, rate_bytes_per_s: 4e7 };
          const data = { id, eta_s: 60, verified_bytes: 0, ...numbers };
          controller.enqueue(line({ type: "download.progress", data }));
        }
      }, everyMs);
    } });
    return Promise.resolve(new Response(body));
  };
})"""
FRAMES = """(seconds) => new Promise((resolve) => {
  const frames = [], tasks = [];
  const durations = (list) => list.getEntries().map((entry) => entry.duration);
  const observer = new PerformanceObserver((list) => tasks.push(...durations(list)));
  observer.observe({ type: "longtask" });
  const began = performance.now();
  let before = began, step = 12;
  const frame = (now) => {
    frames.push(now - before);
    before = now;
    const atEnd = scrollY + innerHeight >= document.documentElement.scrollHeight - 2;
    if (atEnd || (scrollY === 0 && step < 0)) step = -step;
    scrollBy(0, step);
    if (now - began < seconds * 1000) requestAnimationFrame(frame);
    else resolve({ frames: frames.slice(1), tasks });
  };
  requestAnimationFrame(frame);
})"""


def entries() -> list[dict[str, Any]]:
    """A catalog of 500 models."""
    file = {"name": "model.gguf", "sha256": "0" * 64, "urls": ["https://origin.invalid/model.gguf"]}
    size = 5_000_000_000
    option = {"id": "gguf-q4_k_m", "format": "gguf", "quantization": "Q4_K_M", "size_bytes": size}
    return [
        {
            "id": f"bench/model-{n:03}",
            "display_name": f"Model {n:03} Instruct",
            "publisher": "Bench",
            "description": "A model that stands here so that there are many, with two lines to say about it. "
            * 2,
            "capabilities": ["chat", "tools", "code"],
            "license": {"spdx": "Apache-2.0"},
            "parameters": 8_000_000_000,
            "context_length": 32_768,
            "options": [option | {"files": [file | {"size_bytes": size}]}],
        }
        for n in range(MODELS)
    ]


def live_downloads() -> list[dict[str, Any]]:
    """Downloads of the first 50 models, as the stream's snapshot has them."""
    now = "2026-01-01T00:00:00.000Z"
    progress = {
        "done_bytes": 0,
        "total_bytes": 8e9,
        "rate_bytes_per_s": 0,
        "eta_s": None,
        "verified_bytes": 0,
    }
    rest = {
        "version": 1,
        "option": "gguf-q4_k_m",
        "state": "active",
        "priority": 0,
        "position": 0,
        "attempts": 1,
    }
    times: dict[str, Any] = {
        "next_retry_at": None,
        "error": None,
        "created_at": now,
        "updated_at": now,
        "files": [],
    }
    return [
        {"id": f"d{n}", "model": f"bench/model-{n:03}", "progress": progress} | rest | times
        for n in range(DOWNLOADS)
    ]


async def sign_in(context: BrowserContext, client: Client, url: str) -> Page:
    """A tab that is signed in and shows cards."""
    page = await context.new_page()
    code = await asyncio.to_thread(client.session_code)
    await page.goto(f"{url}/#code={code.code}")
    await expect(page.locator(".card").first).to_be_visible()
    return page


async def visits(browser: Browser, client: Client, url: str) -> dict[str, dict[str, float]]:
    """Medians of each kind of visit in `VISITS`, one after the other in each round."""
    context = await browser.new_context(viewport=SIZE)
    page = await sign_in(context, client, url)
    token = str(await page.evaluate("localStorage.getItem('modelhub.session')"))
    finished = str(await page.evaluate(FINISHED, FIRST_CARDS))
    await context.close()
    found: dict[str, list[dict[str, float]]] = {name: [] for name in VISITS}
    with finished_pages({"/empty": EMPTY, "/finished": finished}) as floor:
        for _ in range(ROUNDS):
            for address, names in (
                (f"{floor}/empty", ("empty",)),
                (f"{floor}/finished", ("finished",)),
                (url, ("first", "open", "later")),
            ):
                context = await browser.new_context(viewport=SIZE)
                await context.add_init_script(FIRST_CARD)
                await context.add_init_script(
                    f"localStorage.setItem('modelhub.session', {json.dumps(token)})"
                )
                page = await context.new_page()
                session = await counting(page)
                for name in names:
                    found[name].append(await visit(page, session, address, forget=name == "open"))
                await context.close()
    return {name: medians(samples) for name, samples in found.items()}


async def visit(page: Page, session: CDPSession, url: str, *, forget: bool) -> dict[str, float]:
    """What a visit takes until its first card stands; with `forget` nothing that was fetched is held."""
    await page.goto("about:blank")
    if forget:
        await session.send("Network.clearBrowserCache")
    before = await cpu_s(session)
    await page.goto(url)
    await until(page, SEEN)
    took = await cpu_s(session) - before
    told: dict[str, float] = await page.evaluate(LOADED)
    return told | {"cpu": took * 1000}


@contextlib.contextmanager
def finished_pages(pages: Mapping[str, str]) -> Iterator[str]:
    """A server of pages that nothing has to be done for; its address."""
    bodies = {path: text.encode() for path, text in pages.items()}

    class Pages(http.server.BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            body = bodies.get(self.path, b"")
            self.send_response(200)
            self.send_header("Content-Type", "text/html; charset=utf-8")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *arguments: object) -> None:
            """It has nothing to say."""

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Pages) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()
            thread.join()


async def counting(page: Page) -> CDPSession:
    """What counts the processor's time of the page's main thread from now on."""
    session = await page.context.new_cdp_session(page)
    await session.send("Performance.enable", {"timeDomain": "threadTicks"})
    return session


async def cpu_s(session: CDPSession) -> float:
    """Seconds of a processor that the main thread has taken, whatever else the machine does."""
    told = await session.send("Performance.getMetrics")
    return float(next(one["value"] for one in told["metrics"] if one["name"] == "TaskDuration"))


async def until(page: Page, predicate: str, argument: object = None) -> None:
    """Wait until it is true; Playwright's own way of it needs a page that lets text become code."""
    async with asyncio.timeout(WAIT_S):
        while not await page.evaluate(predicate, argument):
            await asyncio.sleep(0.02)


def medians(samples: Sequence[dict[str, float]]) -> dict[str, float]:
    return {name: statistics.median(sample[name] for sample in samples) for name in samples[0]}


async def frames(browser: Browser, client: Client, url: str, *, live: bool) -> dict[str, float]:
    """Milliseconds between frames while 500 cards are scrolled, with or without 50 downloads that tell of
    themselves ten times a second."""
    context = await browser.new_context(viewport=SIZE)
    wanted = {"downloads": live_downloads() if live else [], "everyMs": GAUGE_MS}
    await context.add_init_script(f"{LIVE}({json.dumps(wanted)})")
    page = await sign_in(context, client, url)
    await page.goto(f"{url}/#/browse?q=model&publisher=bench&sort=name")
    while await page.locator(".card").count() < MODELS:
        before = await page.locator(".card").count()
        await page.locator(".more button").click()
        await until(page, "n => document.querySelectorAll('.card').length > n", before)
    if live:
        await expect(page.locator(".card progress")).to_have_count(DOWNLOADS)
    session = await counting(page)
    began = await cpu_s(session)
    told = await page.evaluate(FRAMES, FRAMES_S)
    took = await cpu_s(session) - began
    await context.close()
    gaps, tasks = told["frames"], told["tasks"]
    return {
        "median": statistics.median(gaps),
        "p95": percentile(gaps, 0.95),
        "p99": percentile(gaps, 0.99),
        "worst": max(gaps),
        "long": len(tasks),
        "cpu": 100 * took / FRAMES_S,
    }


async def measured(program: str, client: Client, url: str) -> str:
    """The figures as a page of Markdown."""
    async with running_browser(program) as browser:
        seen = await visits(browser, client, url)
        scrolled = [
            (name, await frames(browser, client, url, live=name == "live")) for name in ("alone", "live")
        ]
        version = browser.version
    names = {"alone": f"{MODELS} cards", "live": f"and {DOWNLOADS} live downloads"}
    lines = [
        "# The Hub page\n",
        "Made by `python -m tests.benchmarks page --write` on loopback, in Chromium",
        f"{version} without a graphics card, 1320 × 900, medians of {ROUNDS}. A first visit has an",
        "empty cache; a later one asks for the document alone: all else is named by its content, and good",
        "for ever. First paint is the outline that the document carries, with tabs that lead to their views",
        f"and a search box that takes words; first cards is when the first {FIRST_CARDS} of {MODELS} models",
        "are painted, with their buttons. The first two rows are what this browser takes on this machine at",
        "least: a page of one word, and the same cards as a finished document with the same styles, no",
        "script and no question.\n",
        "Processor is what the page's own thread took of one: unlike the times, it does not depend on what",
        f"else the machine had to do (its load was {os.getloadavg()[0]:.0f} on {os.cpu_count()} cores).\n",
        "| | requests | bytes sent | first paint | first cards | beside the finished | processor |",
        "|---|---|---|---|---|---|---|",
    ]
    for name, found in seen.items():
        ratio = found["card"] / seen["finished"]["card"]
        times = f"{found['paint']:.0f} ms | {found['card']:.0f} ms | {ratio:.1f} × | {found['cpu']:.0f} ms"
        lines.append(
            f"| {VISITS[name]} | {found['requests']:.0f} | {found['bytes'] / 1000:.1f} kB | {times} |"
        )
    lines += [
        f"\nMilliseconds between frames while the whole list is scrolled for {FRAMES_S} s, and tasks of over",
        f"50 ms. A live download tells its progress {1000 // GAUGE_MS} times a second.\n",
        "| | median | 95 % | 99 % | worst | long tasks | processor |",
        "|---|---|---|---|---|---|---|",
    ]
    for name, gaps in scrolled:
        cells = " | ".join(f"{gaps[part]:.1f}" for part in ("median", "p95", "p99", "worst"))
        lines.append(f"| {names[name]} | {cells} | {gaps['long']:.0f} | {gaps['cpu']:.0f} % |")
    return "\n".join(lines) + "\n"


def main(arguments: Sequence[str]) -> None:
    """Print the figures."""
    parser = argparse.ArgumentParser(prog="page")
    parser.add_argument("--write", action="store_true")
    asked = parser.parse_args(arguments)
    program = find_chromium()
    if program is None:
        print(ABSENT)
        return
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder) / "home"
        (home / "config/catalog.d").mkdir(parents=True)
        (home / "config/catalog.d/bench.json").write_text(json.dumps(entries()))
        with running_daemon(home, {"MODELHUB_SERVER_PORT": str(free_port())}) as daemon:
            text = asyncio.run(measured(program, daemon.client, daemon.url))
    print(text)
    if asked.write:
        PAGE.write_text(text, encoding="utf-8")
