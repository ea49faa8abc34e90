"""The main job on a fresh machine: search, show, pull, load, chat, ps, unload, with nothing left behind.

No model is fetched from the internet: a small one is generated, served by a local origin in a process of its
own, and listed through `catalog.d`, as an organisation would list a model of its own.
"""

import contextlib
import hashlib
import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from tests.fakes.origin import Origin
from tests.fakes.tiny_gguf import SENTENCE, large_shape, write_chat

MODEL = "demo/tiny-chat"
MEGABYTES = 120
RATE = 40_000_000
"""Bytes per second of the local origin: slow enough to watch the progress bar."""
COMMAND_S = 120


def main() -> int:
    """Run the demo; the exit code of the first command that fails, else 0."""
    say = "\033[1m{}\033[0m" if sys.stdout.isatty() else "{}"
    with tempfile.TemporaryDirectory(prefix="modelhub-demo-") as folder, contextlib.ExitStack() as stack:
        root = Path(folder)
        print(say.format(f"A model of about {MEGABYTES} MB with random weights is made and served locally."))
        (root / "origin").mkdir()
        entry = make_model(root / "origin")
        origin = stack.enter_context(Origin("--directory", str(root / "origin"), "--rate", str(RATE)))
        environ = stack.enter_context(home(root / "home", entry, origin.url))
        for words in STEPS:
            print("\n" + say.format("$ modelhub " + " ".join(quoted(word) for word in words)), flush=True)
            code = modelhub(environ, *words)
            if code != 0:
                print(f"\nThe demo stopped: this command answered {code}.", file=sys.stderr)
                return code
    print(say.format(AFTERWARDS))
    return 0


STEPS = (
    ("search", "tiny", "chat"),
    ("show", MODEL),
    ("pull", MODEL),
    ("load", MODEL, "--ctx", "2048", "--threads", "1"),
    ("chat", MODEL, "What are you?"),
    ("ps",),
    ("unload", MODEL),
    ("daemon", "stop"),
)
AFTERWARDS = f"""
What happened: the daemon started by itself, judged whether the model fits this machine, downloaded it with
its SHA-256 checked on the way, loaded it in a llama.cpp server, asked it something ("{SENTENCE}"
is all it can say), freed its memory, and stopped. Everything was in a temporary folder, which is gone.

Go on with a real model:

    .venv/bin/modelhub search qwen --compatible
    .venv/bin/modelhub pull qwen/qwen3-0.6b
    .venv/bin/modelhub load qwen/qwen3-0.6b
    .venv/bin/modelhub chat qwen/qwen3-0.6b

There is a second act, in which an organisation approves what its machines get:

    make demo-registry
"""


def make_model(folder: Path) -> dict[str, object]:
    """Write the model into `folder`; its catalog entry, with `{origin}` where the origin's URL belongs."""
    path = write_chat(folder / "tiny-chat-f16.gguf", shape=large_shape(MEGABYTES))
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    size = path.stat().st_size
    files = [{"name": path.name, "size_bytes": size, "sha256": digest, "urls": [f"{{origin}}/{path.name}"]}]
    return {
        "id": MODEL,
        "display_name": "Tiny chat",
        "publisher": "Demo",
        "description": "A generated model with random weights. It answers everything with one sentence.",
        "capabilities": ["chat"],
        "license": {"spdx": "CC0-1.0"},
        "context_length": 4096,
        "options": [
            {"id": "gguf-f16", "format": "gguf", "quantization": "F16", "size_bytes": size, "files": files}
        ],
    }


@contextlib.contextmanager
def home(folder: Path, entry: dict[str, object], origin: str) -> Iterator[dict[str, str]]:
    """An environment whose daemon lives in `folder` and knows the model; the daemon is stopped at the end."""
    (folder / "config/catalog.d").mkdir(parents=True)
    text = json.dumps(entry, indent=2).replace("{origin}", origin)
    (folder / "config/catalog.d/tiny.json").write_text(text)
    environ = {name: text for name, text in os.environ.items() if not name.startswith("MODELHUB_")}
    environ |= {
        "MODELHUB_HOME": str(folder),
        "MODELHUB_SERVER_PORT": "0",
        "MODELHUB_DOWNLOADS_ALLOW_ORIGINS": origin,
    }
    try:
        yield environ
    finally:
        if (folder / "run/runtime.json").exists():
            modelhub(environ, "daemon", "stop")


def modelhub(environ: dict[str, str], *words: str) -> int:
    """Run the command as a person does; its exit code."""
    program = shutil.which("modelhub", path=str(Path(sys.executable).parent)) or "modelhub"
    return subprocess.run([program, *words], env=environ, check=False, timeout=COMMAND_S).returncode


def quoted(word: str) -> str:
    """The word as a shell would need it."""
    return f'"{word}"' if " " in word else word


if __name__ == "__main__":
    sys.exit(main())
