"""Units that the service managers accept; installing that can be repeated, undone and tried out first."""

import contextlib
import fcntl
import io
import os
import plistlib
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from modelhub_cli.checks import Verdict
from modelhub_cli.checks_service import service
from modelhubd.errors import CannotStart
from modelhubd.places import Places, find_places
from modelhubd.service_install import install, main_install, uninstall
from modelhubd.service_install.render import AGENT, SERVICE, SOCKET, rendered

FAKE_SYSTEMCTL = """#!/bin/sh
# Knows one unit file folder and remembers what it was told.
echo "$*" >> "$HOME/told"
[ "$2" = show-environment ] && exit 0
[ "$2" = is-active ] && { [ -e "$HOME/active" ]; exit; }
[ -e "$HOME/refuses" ] && { echo "Unit is masked." >&2; exit 1; }
exit 0
"""
ODD = "a b/%h 100%/$HOME/&<>"
STRANGE = 'a b/%h 100%/$HOME/"q"/\\x/&<>'


FAKE_LAUNCHCTL = """#!/bin/sh
# Remembers what it was told and which agent it has.
[ "$1" = print ] && case "$2" in */org.*) [ -e "$HOME/loaded" ]; exit;; *) exit 0;; esac
echo "$*" >> "$HOME/told"
case "$1" in bootstrap) touch "$HOME/loaded";; bootout) rm "$HOME/loaded";; esac
"""


class Machine:
    """A home of its own, with a service manager or without one."""

    def __init__(self, folder: Path) -> None:
        self.home = folder
        self.bin = folder / "bin"
        self.bin.mkdir(parents=True)
        self.environ = {"HOME": str(folder), "PATH": str(self.bin), "MODELHUB_HOME": str(folder / "hub")}
        self.out = io.StringIO()

    @property
    def places(self) -> Places:
        return find_places(self.environ)

    @property
    def units(self) -> Path:
        return self.home / ".config/systemd/user"

    def add_manager(self) -> None:
        program = self.bin / "systemctl"
        program.write_text(FAKE_SYSTEMCTL)
        program.chmod(0o755)

    def add_launchd(self) -> None:
        program = self.bin / "launchctl"
        program.write_text(FAKE_LAUNCHCTL)
        program.chmod(0o755)
        self.environ["PATH"] += ":/usr/bin:/bin"

    def told(self) -> list[str]:
        """What the manager was told to do since the last call."""
        log = self.home / "told"
        lines = log.read_text().splitlines() if log.exists() else []
        log.unlink(missing_ok=True)
        return [line for line in lines if "show-environment" not in line and "is-active" not in line]

    def install(self, *, dry_run: bool = False, platform: str = "linux") -> list[str]:
        return install(
            self.places,
            dry_run=dry_run,
            exec_path=[str(self.bin / "modelhubd")],
            out=self.out,
            environ=self.environ,
            platform=platform,
        )

    def uninstall(self, *, dry_run: bool = False, platform: str = "linux") -> list[str]:
        return uninstall(self.places, dry_run=dry_run, out=self.out, environ=self.environ, platform=platform)

    def files(self) -> dict[str, str]:
        return {
            path.relative_to(self.home).as_posix(): path.read_text()
            for path in self.home.rglob("*")
            if path.is_file() and path.parent != self.bin and path.name != "told"
        }


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    made = Machine(tmp_path / "home")
    made.add_manager()
    return made


@pytest.mark.parametrize("folder", ["plain", ODD, STRANGE])
@pytest.mark.parametrize("own_home", [True, False])
@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="needs systemd-analyze")
def test_systemd_finds_no_fault_in_the_units(tmp_path: Path, folder: str, own_home: bool) -> None:
    made = Machine(tmp_path / folder)
    if not own_home:
        del made.environ["MODELHUB_HOME"]
    program = made.bin / "modelhubd"
    program.write_text("#!/bin/sh\n")
    program.chmod(0o755)
    units = tmp_path / "units"
    units.mkdir()
    for path, text in rendered(made.places, [str(program), "--set", "a=$b"], made.environ, "linux").items():
        (units / path.name).write_text(text)
    runtime = tmp_path / "run"
    runtime.mkdir(mode=0o700)
    verified = subprocess.run(
        ["systemd-analyze", "--user", "verify", units / SERVICE, units / SOCKET],
        env={"PATH": os.environ["PATH"], "HOME": str(tmp_path), "XDG_RUNTIME_DIR": str(runtime)},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert verified.stderr == ""
    assert verified.returncode == 0


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="needs systemd-analyze")
def test_the_verification_sees_a_program_that_is_not_there(tmp_path: Path) -> None:
    """Guards the test above: an executable whose path was escaped wrongly would be reported."""
    made = Machine(tmp_path / ODD)
    for path, text in rendered(made.places, [str(made.bin / "gone")], made.environ, "linux").items():
        (tmp_path / path.name).write_text(text)
    verified = subprocess.run(
        ["systemd-analyze", "--user", "verify", tmp_path / SERVICE],
        env={"PATH": os.environ["PATH"], "HOME": str(tmp_path), "XDG_RUNTIME_DIR": str(tmp_path)},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert f"Command {made.bin / 'gone'} is not executable" in verified.stderr


def test_the_units_name_this_home_and_escape_what_systemd_would_replace(tmp_path: Path) -> None:
    made = Machine(tmp_path / "100%")
    texts = {
        path.name: text
        for path, text in rendered(made.places, ["/x/$a b", "-m"], made.environ, "linux").items()
    }
    assert 'ExecStart=":/x/$a b" "-m"' in texts[SERVICE].splitlines()
    hub = str(made.home / "hub").replace("%", "%%")
    assert f'Environment="MODELHUB_HOME={hub}"' in texts[SERVICE].splitlines()
    assert f"ListenStream={hub}/run/modelhub.sock" in texts[SOCKET].splitlines()


def test_a_program_whose_path_systemd_refuses_is_run_all_the_same(tmp_path: Path) -> None:
    """The words of ExecStart, read as systemd reads them, run the program with its arguments."""
    made = Machine(tmp_path / STRANGE)
    program = made.bin / "modelhubd"
    program.write_text('#!/bin/sh\nprintf "%s|" "$0" "$@"\n')
    program.chmod(0o755)
    texts = rendered(made.places, [str(program), "--set", "a=$b %h"], made.environ, "linux")
    service = next(text for path, text in texts.items() if path.name == SERVICE)
    line = next(line for line in service.splitlines() if line.startswith("ExecStart="))
    words = [word.replace("%%", "%") for word in shlex.split(line.removeprefix("ExecStart="))]
    assert words[0].startswith(":/")
    ran = subprocess.run([words[0][1:], *words[1:]], capture_output=True, text=True, timeout=10, check=True)
    assert ran.stdout == f"{program}|--set|a=$b %h|"


def test_the_unit_is_watched_closed_in_and_leaves_folders_to_the_daemon(tmp_path: Path) -> None:
    """`StateDirectory=` of a user unit is the configuration's folder in systemd 252, and `RuntimeDirectory=`
    takes the socket's folder away when the service stops."""
    texts = rendered(Machine(tmp_path).places, ["/x"], {"HOME": str(tmp_path)}, "linux")
    said = dict(
        line.split("=", 1) for text in texts.values() for line in text.splitlines() if re.match(r"\w+=", line)
    )
    assert said["Type"] == "notify" and int(said["WatchdogSec"]) > 0 and said["SocketMode"] == "0600"
    assert [name for name in said if name.endswith("Directory")] == []
    closed = {
        "NoNewPrivileges", "LockPersonality", "RestrictNamespaces", "RestrictRealtime", "RestrictSUIDSGID",
        "RestrictAddressFamilies", "SystemCallFilter", "UMask",
    }  # fmt: skip
    assert closed <= said.keys()


def test_the_command_line_installs_what_doctor_finds_in_order_and_takes_it_away(machine: Machine) -> None:
    machine.environ["PATH"] += ":/usr/bin:/bin"

    def types(*words: str) -> list[str]:
        program = [sys.executable, "-m", "modelhub_cli.main", "daemon", *words]
        done = subprocess.run(
            program, env=machine.environ, capture_output=True, text=True, timeout=60, check=False
        )
        assert (done.returncode, done.stderr) == (0, "")
        return done.stdout.splitlines()

    before = machine.files()
    tried = types("install", "--dry-run")
    assert machine.files() == before and machine.told() == []
    assert [line.removeprefix("would ") for line in tried] == types("install")
    units = {name: (machine.units / name).read_text() for name in (SERVICE, SOCKET)}
    assert "enabled" in service(machine.environ).detail
    for name, text in units.items():  # as `systemctl enable` does
        (wanted,) = re.findall("^WantedBy=(.*)$", text, re.MULTILINE)
        (machine.units / f"{wanted}.wants").mkdir()
        (machine.units / f"{wanted}.wants" / name).symlink_to(machine.units / name)
    assert service(machine.environ).verdict is Verdict.OK
    assert types("install")[0] == "nothing to write: it is installed as it should be"
    assert types("uninstall", "--dry-run")[-1].startswith("would run")
    assert {name: (machine.units / name).read_text() for name in units} == units
    types("uninstall")
    assert not any((machine.units / name).exists() for name in units)
    assert "is not started at login" in service(machine.environ).detail
    assert types("uninstall") == ["nothing to remove: it is not installed"]


def test_without_a_home_of_its_own_the_socket_is_in_the_runtime_folder(tmp_path: Path) -> None:
    made = Machine(tmp_path)
    del made.environ["MODELHUB_HOME"]
    texts = rendered(made.places, ["/x"], made.environ, "linux")
    socket = next(text for path, text in texts.items() if path.name == SOCKET)
    assert "ListenStream=%t/modelhub/modelhub.sock" in socket.splitlines()


def test_the_daemon_gets_the_path_of_the_terminal_without_relative_folders(tmp_path: Path) -> None:
    made = Machine(tmp_path)
    made.environ["PATH"] = "/opt/x/bin:.:/usr/bin::bin:/usr/bin"
    texts = "".join(rendered(made.places, ["/x"], made.environ, "linux").values())
    assert 'Environment="PATH=/opt/x/bin:/usr/bin"' in texts.splitlines()


@pytest.mark.parametrize("folder", ["plain", STRANGE])
def test_the_launchd_agent_parses_and_says_the_same(tmp_path: Path, folder: str) -> None:
    made = Machine(tmp_path / folder)
    ((path, text),) = rendered(made.places, ["/x/m d", "--set", "a=<b>"], made.environ, "darwin").items()
    assert path == made.home / "Library/LaunchAgents" / AGENT
    agent = plistlib.loads(text.encode())
    assert agent["Label"] == path.stem
    assert agent["ProgramArguments"] == ["/x/m d", "--set", "a=<b>"]
    assert agent["EnvironmentVariables"] == {
        "MODELHUB_HOME": str(made.home / "hub"),
        "PATH": str(made.bin),
    }
    assert agent["RunAtLoad"] is True and agent["KeepAlive"] == {"SuccessfulExit": False}
    assert agent["Umask"] == 0o077
    assert agent["StandardErrorPath"] == str(made.places.logs_dir / "modelhubd.log")
    assert "~" not in text and "$" not in text.replace(folder, "").replace(STRANGE, "").replace(
        "$HOME", ""
    ), "launchd expands nothing"


@pytest.mark.parametrize("platform", ["linux", "darwin"])
def test_a_folder_that_cannot_stand_in_a_unit_is_refused(tmp_path: Path, platform: str) -> None:
    made = Machine(tmp_path)
    for folder in ("line\nExecStart=/bin/evil", "tab\t", "\udcff", "bidi\u202e"):
        made.environ["MODELHUB_HOME"] = str(tmp_path / folder)
        with pytest.raises(CannotStart, match="cannot stand"):
            rendered(made.places, ["/x"], made.environ, platform)


def test_other_systems_are_told_what_to_do_instead(tmp_path: Path) -> None:
    with pytest.raises(CannotStart, match="autostart"):
        Machine(tmp_path / "home").install(platform="win32")


def test_installing_writes_the_units_and_starts_them(machine: Machine) -> None:
    done = machine.install()
    assert sorted(path.name for path in machine.units.iterdir()) == [SERVICE, SOCKET]
    assert machine.told() == [
        "--user daemon-reload",
        "--user enable --now modelhubd.socket modelhubd.service",
    ]
    assert machine.out.getvalue().splitlines() == done
    assert f"write {machine.units / SERVICE}" in done


def test_installing_again_changes_nothing(machine: Machine) -> None:
    machine.install()
    before, _ = machine.files(), machine.told()
    done = machine.install()
    assert machine.files() == before
    assert done[0] == "nothing to write: it is installed as it should be"
    assert machine.told() == ["--user enable --now modelhubd.socket modelhubd.service"]


def test_installing_another_version_restarts_what_runs(machine: Machine) -> None:
    machine.install()
    machine.told()
    machine.environ["MODELHUB_HOME"] = str(machine.home / "elsewhere")
    machine.install()
    assert "elsewhere" in (machine.units / SERVICE).read_text()
    assert machine.told()[-1] == "--user try-restart modelhubd.service"


def test_uninstalling_undoes_it(machine: Machine) -> None:
    before = machine.files()
    machine.install()
    machine.told()
    machine.uninstall()
    assert machine.files() == before
    assert machine.told() == [
        "--user disable --now modelhubd.socket modelhubd.service",
        "--user daemon-reload",
    ]
    assert machine.uninstall() == ["nothing to remove: it is not installed"]
    assert machine.told() == []


@pytest.mark.parametrize("platform", ["linux", "darwin"])
def test_a_dry_run_says_it_all_and_does_nothing(machine: Machine, platform: str) -> None:
    said = machine.install(dry_run=True, platform=platform)
    assert machine.files() == {} and machine.told() == []
    assert machine.out.getvalue().startswith("would write ")
    assert machine.install(platform=platform) == said
    before, _ = machine.files(), machine.told()
    machine.uninstall(dry_run=True, platform=platform)
    assert machine.files() == before and machine.told() == []


@pytest.mark.parametrize("platform", ["linux", "darwin"])
def test_where_no_manager_answers_it_says_what_to_run(tmp_path: Path, platform: str) -> None:
    made = Machine(tmp_path / "home")
    done = made.install(platform=platform)
    program = "launchctl bootstrap" if platform == "darwin" else "systemctl --user enable --now"
    assert any(line.startswith("note: ") and f"run yourself: {program}" in line for line in done)
    made.uninstall(platform=platform)
    assert made.files() == {}


def test_a_manager_that_refuses_is_reported(machine: Machine) -> None:
    (machine.home / "refuses").touch()
    with pytest.raises(subprocess.SubprocessError, match="Unit is masked"):
        machine.install()


def test_launchd_gets_the_agent_once_and_loses_it_again(tmp_path: Path) -> None:
    made = Machine(tmp_path / "home")
    made.add_launchd()
    domain = f"gui/{os.getuid()}"
    agent = made.home / "Library/LaunchAgents" / AGENT
    made.install(platform="darwin")
    assert made.told() == [f"bootstrap {domain} {agent}"]
    assert made.places.logs_dir.is_dir(), "launchd makes no folder for its log"
    made.install(platform="darwin")
    assert made.told() == []
    made.environ["MODELHUB_HOME"] = str(made.home / "elsewhere")
    made.install(platform="darwin")
    assert made.told() == [f"bootout {domain}/org.modelhub.modelhubd", f"bootstrap {domain} {agent}"]
    made.uninstall(platform="darwin")
    assert made.told() == [f"bootout {domain}/org.modelhub.modelhubd"]
    assert not agent.exists()


@pytest.mark.parametrize("name", [SERVICE, SOCKET])
def test_a_unit_that_somebody_else_wrote_is_left_alone(machine: Machine, name: str) -> None:
    machine.units.mkdir(parents=True)
    (machine.units / name).write_text("[Unit]\nDescription=mine\n")
    before = machine.files()
    for change in (machine.install, machine.uninstall):
        with pytest.raises(CannotStart, match="left alone"):
            change()
    assert machine.files() == before and machine.told() == []


def test_a_link_in_place_of_a_unit_is_not_written_through(machine: Machine) -> None:
    machine.units.mkdir(parents=True)
    (machine.home / "notes").write_text("mine")
    (machine.units / SERVICE).symlink_to(machine.home / "notes")
    with pytest.raises(CannotStart):
        machine.install()
    assert (machine.home / "notes").read_text() == "mine"


@contextlib.contextmanager
def daemon_by_hand(machine: Machine) -> Iterator[None]:
    machine.places.lock_file.parent.mkdir(parents=True)
    with machine.places.lock_file.open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def test_a_daemon_that_runs_already_is_not_fought_with(machine: Machine) -> None:
    with daemon_by_hand(machine):
        done = machine.install()
        assert "enable --now" not in " ".join(machine.told())
        assert "modelhub daemon stop" in done[-1]


def test_the_service_itself_is_no_daemon_by_hand(machine: Machine) -> None:
    (machine.home / "active").touch()
    with daemon_by_hand(machine):
        machine.install()
    assert machine.told()[-1] == "--user enable --now modelhubd.socket modelhubd.service"


def test_the_commands_answer_with_exit_codes(
    machine: Machine, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in ("XDG_CONFIG_HOME", "XDG_DATA_HOME", "XDG_STATE_HOME"):
        monkeypatch.delenv(name, raising=False)
    for name, value in machine.environ.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr("sys.platform", "linux")
    assert main_install(["install-service", "--dry-run"]) == 0
    assert "would write" in capsys.readouterr().out
    assert main_install(["install-service"]) == 0
    assert main_install(["uninstall-service"]) == 0
    machine.units.mkdir(parents=True, exist_ok=True)
    (machine.units / SERVICE).write_text("mine")
    assert main_install(["install-service"]) == 1
    assert "left alone" in capsys.readouterr().err
    with pytest.raises(SystemExit) as ended:
        main_install(["install-service", "--unknown"])
    assert ended.value.code == 2
