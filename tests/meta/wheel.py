"""The wheel as a user gets it: built, installed into an empty environment, answering on its socket.

python -m tests.meta.wheel
"""

import json
import os
import subprocess
import sys
import tempfile
import time
import venv
from pathlib import Path

from tests.raw import over_socket

ROOT = Path(__file__).parent.parent.parent
ANSWER_S = 30.0


def main() -> None:
    """Raise if anything in it does not work."""
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        wheel = built(root)
        venv.create(root / "env", with_pip=True)
        program = root / "env/bin"
        run(program / "python", "-m", "pip", "install", "--quiet", str(wheel))
        answers(program, root / "home")
    print(f"{wheel.name}: installed alone, it answers on its socket, on the command line and with its page")


def built(folder: Path) -> Path:
    """The one wheel of this checkout."""
    run(Path(sys.executable), "-m", "build", "--wheel", "--no-isolation", "--outdir", str(folder), str(ROOT))
    (wheel,) = folder.glob("*.whl")
    return wheel


def answers(program: Path, home: Path) -> None:
    """Start the installed daemon and ask it what a user's first minute asks."""
    environ = {
        "PATH": os.environ["PATH"],
        "HOME": str(home),
        "MODELHUB_HOME": str(home),
        "MODELHUB_SERVER_PORT": "0",
    }
    daemon = subprocess.Popen([program / "modelhubd"], env=environ, cwd="/")
    try:
        wait_for(home / "run/runtime.json")
        socket = home / "run/modelhub.sock"
        assert over_socket(socket, "GET", "/api/v1/health").status == 200
        assert over_socket(socket, "GET", "/api/v1/catalog").json["models"] >= 100
        assert b"<!doctype html>" in over_socket(socket, "GET", "/").body.lower()
        found = run(program / "modelhub", "search", "qwen", "--json", environ=environ)
        assert json.loads(found)
        assert "modelhubd.service" in run(
            program / "modelhubd", "install-service", "--dry-run", environ=environ
        )
    finally:
        daemon.terminate()
        assert daemon.wait(15) == 0


def wait_for(path: Path) -> None:
    limit = time.monotonic() + ANSWER_S
    while not path.exists():
        assert time.monotonic() < limit, f"{path.name} did not appear"
        time.sleep(0.05)


def run(program: Path, *arguments: str, environ: dict[str, str] | None = None) -> str:
    """Its standard output; a failure is an error that shows both streams."""
    found = subprocess.run(
        [program, *arguments], env=environ, capture_output=True, text=True, check=False, cwd="/"
    )
    assert found.returncode == 0, f"{program.name} {' '.join(arguments)}: {found.stdout}{found.stderr}"
    return found.stdout


if __name__ == "__main__":
    main()
