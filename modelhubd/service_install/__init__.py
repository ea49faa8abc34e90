"""Has the daemon started at login: systemd user units on Linux, a launchd agent on macOS.

What is written comes from the templates in `systemd/` and `launchd/`. Installing twice changes nothing;
uninstalling takes back what installing did; neither touches a unit that somebody else wrote.
"""

import argparse
import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import TextIO

from modelhubd.errors import CannotStart
from modelhubd.places import Places, find_places
from modelhubd.service_install.managers import Action, Launchd, Systemd
from modelhubd.service_install.render import MARK, own_command, rendered, unit_paths


def main_install(argv: Sequence[str]) -> int:
    """`install-service [--dry-run]` or `uninstall-service [--dry-run]`; 0 done, 1 failed, 2 wrong usage."""
    parser = argparse.ArgumentParser(prog="modelhubd", description="Has the daemon started at login.")
    parser.add_argument("verb", choices=("install-service", "uninstall-service"))
    parser.add_argument("--dry-run", action="store_true", help="only say what would be done")
    options = parser.parse_args(argv)
    try:
        places = find_places(os.environ)
        if options.verb == "install-service":
            install(places, dry_run=options.dry_run, exec_path=own_command(), out=sys.stdout)
        else:
            uninstall(places, dry_run=options.dry_run, out=sys.stdout)
    except (CannotStart, OSError, subprocess.SubprocessError) as error:
        sys.stderr.write(f"modelhubd: {error}\n")
        return 1
    return 0


def install(
    places: Places,
    *,
    dry_run: bool,
    exec_path: Sequence[str],
    out: TextIO,
    environ: Mapping[str, str] = os.environ,
    platform: str = sys.platform,
) -> list[str]:
    """Write what starts `exec_path` (a command with its arguments) at login, and start it now.

    Returns what was done, line by line as printed to `out`; with `dry_run` what would be done.

    Raises:
        CannotStart: a unit of that name is somebody else's, or a path cannot be put into one.
        subprocess.SubprocessError: the service manager refused.
    """
    wanted = rendered(places, exec_path, environ, platform)
    for path in wanted:
        _refuse_foreign(path)
    changed = {path: text for path, text in wanted.items() if _read(path) != text}
    replaced = any(path.exists() for path in changed)
    actions = [Action(f"write {path}", partial(_write, path, text)) for path, text in changed.items()]
    if not changed:
        actions.append(Action("nothing to write: it is installed as it should be"))
    actions += _manager(places, environ, platform).start(
        list(wanted), changed=bool(changed), replaced=replaced
    )
    return _perform(actions, dry_run=dry_run, out=out)


def uninstall(
    places: Places,
    *,
    dry_run: bool,
    out: TextIO,
    environ: Mapping[str, str] = os.environ,
    platform: str = sys.platform,
) -> list[str]:
    """Stop it and remove what `install` wrote. The models, the settings and the database stay.

    Raises:
        CannotStart: a unit of that name is somebody else's.
        subprocess.SubprocessError: the service manager refused.
    """
    present = [path for path in unit_paths(environ, platform).values() if path.exists()]
    for path in present:
        _refuse_foreign(path)
    if not present:
        return _perform([Action("nothing to remove: it is not installed")], dry_run=dry_run, out=out)
    manager = _manager(places, environ, platform)
    removals = [Action(f"remove {path}", path.unlink) for path in present]
    return _perform([*manager.stop(), *removals, *manager.forget()], dry_run=dry_run, out=out)


def _manager(places: Places, environ: Mapping[str, str], platform: str) -> Systemd | Launchd:
    return Launchd(places, environ) if platform == "darwin" else Systemd(places, environ)


def _perform(actions: Sequence[Action], *, dry_run: bool, out: TextIO) -> list[str]:
    for action in actions:
        out.write(f"{'would ' if dry_run and action.do else ''}{action.text}\n")
        out.flush()
        if action.do and not dry_run:
            action.do()
    return [action.text for action in actions]


def _refuse_foreign(path: Path) -> None:
    if path.is_symlink() or (path.exists() and MARK not in (_read(path) or "")):
        raise CannotStart(f"{path} was not written by modelhubd and is left alone. Move it away first.")


def _read(path: Path) -> str | None:
    try:
        return path.read_text(encoding="utf-8")
    except FileNotFoundError:
        return None
    except (OSError, UnicodeDecodeError):
        return ""


def _write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    staged = path.with_name(f".{path.name}.{os.getpid()}")
    staged.write_text(text, encoding="utf-8")
    staged.replace(path)
