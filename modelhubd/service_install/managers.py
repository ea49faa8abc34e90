"""What is asked of systemd and launchd, and how one is told when they cannot be reached."""

import fcntl
import os
import shlex
import shutil
import subprocess
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from modelhubd.places import Places, private_dir
from modelhubd.service_install.render import SERVICE, SOCKET

LABEL = "org.modelhub.modelhubd"
TIMEOUT_S = 60.0


@dataclass(frozen=True)
class Action:
    """One step: said, then done. Without `do` it is only said."""

    text: str
    do: Callable[[], object] | None = None


class Systemd:
    """The manager of this user."""

    def __init__(self, places: Places, environ: Mapping[str, str]) -> None:
        self._places = places
        self._environ = environ
        self._reachable = self._answers("show-environment")

    def start(self, paths: Sequence[Path], *, changed: bool, replaced: bool) -> list[Action]:
        steps = [self._step("daemon-reload")] if changed else []
        if self._held_by_another():
            return [
                *steps,
                self._step("enable", SOCKET, SERVICE),
                Action(
                    "note: a daemon that was started by hand runs now; stop it with `modelhub daemon stop`, "
                    f"then run: systemctl --user start {SOCKET} {SERVICE}"
                ),
            ]
        steps.append(self._step("enable", "--now", SOCKET, SERVICE))
        if replaced:
            steps.append(self._step("try-restart", SERVICE))
        steps.append(
            Action(
                "note: it runs while you are logged in; `loginctl enable-linger` keeps it running after that"
            )
        )
        return steps

    def stop(self) -> list[Action]:
        return [self._step("disable", "--now", SOCKET, SERVICE)]

    def forget(self) -> list[Action]:
        return [self._step("daemon-reload")]

    def _step(self, *arguments: str) -> Action:
        command = ("systemctl", "--user", *arguments)
        if self._reachable:
            return Action(f"run {shlex.join(command)}", partial(_run, command, self._environ))
        return Action(f"note: no systemd user manager answers here; run yourself: {shlex.join(command)}")

    def _answers(self, *arguments: str) -> bool:
        return _succeeds(("systemctl", "--user", *arguments), self._environ)

    def _held_by_another(self) -> bool:
        """Whether a daemon runs for this home that is not the service."""
        if self._reachable and self._answers("is-active", "--quiet", SERVICE):
            return False
        try:
            fd = os.open(self._places.lock_file, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW)
        except OSError:
            return False
        try:
            fcntl.flock(fd, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
        finally:
            os.close(fd)
        return False


class Launchd:
    """The manager of this user's login session."""

    def __init__(self, places: Places, environ: Mapping[str, str]) -> None:
        self._places = places
        self._environ = environ
        self._domain = f"gui/{os.getuid()}"
        self._reachable = _succeeds(("launchctl", "print", self._domain), environ)
        self._loaded = self._reachable and _succeeds(("launchctl", "print", self._target), environ)

    @property
    def _target(self) -> str:
        return f"{self._domain}/{LABEL}"

    def start(self, paths: Sequence[Path], *, changed: bool, replaced: bool) -> list[Action]:
        logs = self._places.logs_dir
        steps = [] if logs.is_dir() else [Action(f"make {logs}", partial(private_dir, logs))]
        if self._loaded and not changed:
            return [*steps, Action("nothing to start: launchd has it already")]
        if self._loaded:
            steps.append(self._step("bootout", self._target))
        return [*steps, *(self._step("bootstrap", self._domain, str(path)) for path in paths)]

    def stop(self) -> list[Action]:
        return [self._step("bootout", self._target)] if self._loaded or not self._reachable else []

    def forget(self) -> list[Action]:
        return []

    def _step(self, *arguments: str) -> Action:
        command = ("launchctl", *arguments)
        if self._reachable:
            return Action(f"run {shlex.join(command)}", partial(_run, command, self._environ))
        return Action(f"note: launchd does not answer here; run yourself: {shlex.join(command)}")


def _run(command: Sequence[str], environ: Mapping[str, str]) -> None:
    done = subprocess.run(
        command, env=dict(environ), capture_output=True, text=True, timeout=TIMEOUT_S, check=False
    )
    if done.returncode != 0:
        said = (done.stderr or done.stdout).strip()
        raise subprocess.SubprocessError(f"{shlex.join(command)} failed ({done.returncode}): {said}")


def _succeeds(command: Sequence[str], environ: Mapping[str, str]) -> bool:
    if shutil.which(command[0], path=environ.get("PATH")) is None:
        return False
    try:
        done = subprocess.run(
            command,
            env=dict(environ),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=TIMEOUT_S,
            check=False,
        )
    except (OSError, subprocess.SubprocessError):
        return False
    return done.returncode == 0
