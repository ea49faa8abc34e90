"""Fills the templates: what a unit of this home and this installation says."""

import re
import sys
from collections.abc import Mapping, Sequence
from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import Path
from xml.sax.saxutils import escape

from modelhubd.errors import CannotStart
from modelhubd.places import Places

SERVICE, SOCKET, AGENT = "modelhubd.service", "modelhubd.socket", "org.modelhub.modelhubd.plist"
MARK = "Written by `modelhubd install-service`"
CARRIED = ("MODELHUB_HOME", "XDG_CONFIG_HOME", "XDG_DATA_HOME", "XDG_STATE_HOME")
"""Variables that decide which folders are ours: the daemon must find the same ones as its clients do."""


def own_command() -> list[str]:
    """The command that runs this installation's daemon."""
    script = Path(sys.executable).with_name("modelhubd")
    return [str(script)] if script.is_file() else [sys.executable, "-m", "modelhubd"]


def unit_paths(environ: Mapping[str, str], platform: str) -> dict[str, Path]:
    """Template name → where the manager of this user looks for the file.

    Raises:
        CannotStart: this system has neither systemd nor launchd.
    """
    home = Path(environ.get("HOME") or Path.home())
    if platform == "darwin":
        return {AGENT: home / "Library" / "LaunchAgents" / AGENT}
    if platform == "linux":
        config = Path(environ.get("XDG_CONFIG_HOME") or home / ".config")
        return {name: config / "systemd" / "user" / name for name in (SERVICE, SOCKET)}
    raise CannotStart(
        "Only systemd (Linux) and launchd (macOS) can be set up to start modelhubd at login. "
        "Start `modelhubd` from this system's own autostart instead."
    )


def rendered(
    places: Places, command: Sequence[str], environ: Mapping[str, str], platform: str
) -> dict[Path, str]:
    """Path → content of each file to install.

    Raises:
        CannotStart: a path that cannot stand in such a file.
    """
    variables = _variables(environ)
    for text in (*command, *variables.values(), str(places.socket), str(places.logs_dir)):
        _refuse_unwritable(text)
    paths = unit_paths(environ, platform)
    if platform == "darwin":
        values = {
            "ARGUMENTS": "\n".join(f"    <string>{escape(word)}</string>" for word in command),
            "ENVIRONMENT": "\n".join(
                f"    <key>{name}</key>\n    <string>{escape(value)}</string>"
                for name, value in variables.items()
            ),
            "LOG": escape(str(places.logs_dir / "modelhubd.log")),
        }
        return {path: _filled(_template("launchd", name), values) for name, path in paths.items()}
    values = {
        "EXEC": _command_line(command),
        "ENVIRONMENT": "\n".join(
            f"Environment={_quoted(f'{name}={value}')}" for name, value in variables.items()
        ),
        # %t is the runtime folder that the daemon and its clients find too, also at the next login.
        "SOCKET": "%t/modelhub/modelhub.sock" if places.home is None else _plain(str(places.socket)),
    }
    return {path: _filled(_template("systemd", name), values) for name, path in paths.items()}


def _variables(environ: Mapping[str, str]) -> dict[str, str]:
    """What the daemon would have in a terminal and lacks at login: PATH, where it looks for llama-server, and
    the folders somebody chose."""
    found = {name: environ[name] for name in CARRIED if environ.get(name)}
    found = {name: str(Path(value).expanduser().absolute()) for name, value in found.items()}
    path = [folder for folder in environ.get("PATH", "").split(":") if folder.startswith("/")]
    return {**found, "PATH": ":".join(dict.fromkeys(path)) or "/usr/local/bin:/usr/bin:/bin"}


def _template(folder: str, name: str) -> str:
    """From the installed package, or from the top of a checkout."""
    package: Traversable = files("modelhubd")
    for place in (package / "templates" / folder, Path(str(package)).parent / folder):
        if (place / name).is_file():
            return (place / name).read_text(encoding="utf-8")
    raise CannotStart(f"This installation lacks its template {folder}/{name}. Install modelhubd again.")


def _filled(template: str, values: Mapping[str, str]) -> str:
    return re.sub(r"@([A-Z]+)@", lambda match: values[match[1]], template)


def _command_line(command: Sequence[str]) -> str:
    """For `ExecStart=`. The colon has systemd replace no variables. A program whose path has a quotation mark
    or a backslash, which systemd refuses, is run by way of a shell that becomes it."""
    words = list(command)
    if set("\"'\\") & set(words[0]):
        words = ["/bin/sh", "-c", 'exec "$0" "$@"', *words]
    return " ".join(map(_quoted, (f":{words[0]}", *words[1:])))


def _quoted(text: str) -> str:
    """One word of a systemd command line or assignment."""
    return '"' + _plain(text).replace("\\", "\\\\").replace('"', '\\"') + '"'


def _plain(text: str) -> str:
    """Without specifiers: systemd replaces %h and the like wherever they stand."""
    return text.replace("%", "%%")


def _refuse_unwritable(text: str) -> None:
    if not text.isprintable():
        # Also lone surrogates, which stand for bytes that are no UTF-8.
        raise CannotStart(f"{text!r} has characters that cannot stand in a unit. Choose another folder.")
