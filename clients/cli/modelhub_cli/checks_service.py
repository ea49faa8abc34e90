"""What `doctor` checks of the start at login: installed, enabled, whose program, and how long it stays."""

import os
import shlex
import sys
from collections.abc import Mapping
from pathlib import Path

from modelhub_cli.checks import Check

NAME = "at login"
UNITS = {"modelhubd.service": "default.target.wants", "modelhubd.socket": "sockets.target.wants"}
AGENT = "org.modelhub.modelhubd.plist"
AGAIN = "Write it anew: modelhub daemon install"


def service(environ: Mapping[str, str], platform: str = sys.platform) -> Check:
    """Whether and how the daemon starts at login."""
    folder = service_folder(environ, platform)
    file = folder / (AGENT if platform == "darwin" else "modelhubd.service")
    if not file.exists():
        return Check.ok(NAME, "the daemon is not started at login (modelhub daemon install does that)")
    try:
        command, variables = (_of_agent if platform == "darwin" else _of_unit)(file)
    except (OSError, ValueError) as error:
        return Check.fail(NAME, f"{file} cannot be read: {error}", AGAIN)
    if not command or not os.access(command[0], os.X_OK):
        shown = command[0] if command else "nothing"
        return Check.fail(NAME, f"starts {shown}, which is not there or no program", AGAIN)
    if (home := environ.get("MODELHUB_HOME")) and variables.get("MODELHUB_HOME") != home:
        other = variables.get("MODELHUB_HOME", "the usual folders")
        return Check.warn(NAME, f"the daemon that is started at login is of another home: {other}", AGAIN)
    if Path(command[0]).resolve().parent != Path(sys.executable).resolve().parent and (
        Path(command[0]).parent != Path(sys.executable).parent
    ):
        return Check.warn(NAME, f"starts {command[0]}, which is another installation than this one", AGAIN)
    if platform != "darwin" and (missing := [unit for unit, wants in UNITS.items()
                                             if not (folder / wants / unit).is_symlink()]):  # fmt: skip
        return Check.warn(
            NAME,
            f"{' and '.join(missing)} {'is' if len(missing) == 1 else 'are'} installed, but not enabled",
            "systemctl --user enable --now modelhubd.socket modelhubd.service",
        )
    return Check.ok(NAME, f"the daemon starts at login ({command[0]}){_lingers(platform)}")


def service_folder(environ: Mapping[str, str], platform: str = sys.platform) -> Path:
    """Where the user's own units or agents are."""
    home = Path(environ.get("HOME") or "~").expanduser()
    if platform == "darwin":
        return home / "Library" / "LaunchAgents"
    base = environ.get("XDG_CONFIG_HOME") or ""
    return (Path(base) if base else home / ".config") / "systemd" / "user"


def _of_unit(file: Path) -> tuple[list[str], dict[str, str]]:
    """The command and the variables of a systemd unit."""
    command: list[str] = []
    variables: dict[str, str] = {}
    for line in file.read_text(encoding="utf-8").splitlines():
        name, _, value = line.partition("=")
        if name == "ExecStart":
            command = [word.replace("%%", "%") for word in shlex.split(value)]
            if command:
                command[0] = command[0].lstrip(":@-+!")
            if command[:2] == ["/bin/sh", "-c"]:
                command = command[3:]  # by way of a shell, where the path has characters that systemd refuses
        elif name == "Environment":
            for word in shlex.split(value):
                key, _, text = word.partition("=")
                variables[key] = text.replace("%%", "%")
    return command, variables


def _of_agent(file: Path) -> tuple[list[str], dict[str, str]]:
    """The command and the variables of a launchd agent."""
    import plistlib

    found = plistlib.loads(file.read_bytes())
    return list(found.get("ProgramArguments", ())), dict(found.get("EnvironmentVariables", {}))


def _lingers(platform: str) -> str:
    if platform == "darwin":
        return ""
    import getpass

    if (Path("/var/lib/systemd/linger") / getpass.getuser()).exists():
        return "; it goes on when you log out"
    return "; it ends when you log out (loginctl enable-linger keeps it)"
