"""Which folders and files are ours, found alike by the daemon and its clients.

`$MODELHUB_HOME` puts everything under one folder; without it platformdirs decides. The socket lives in a
folder of the user's own with mode 0700; where its path would be too long for a socket address, in one
under the temporary directory, and `runtime.json` says so.
"""

import os
import stat
import sys
from collections.abc import Mapping
from pathlib import Path

from msgspec import Struct

APP = "modelhub"
SOCKET_PATH_MAX = 103
"""Bytes of a Unix socket path that every platform takes (macOS allows 104 with the closing NUL)."""


class Places(Struct, frozen=True, kw_only=True):
    """Folders of one home. Nothing here exists until somebody makes it."""

    config_dir: Path
    state_dir: Path
    models_dir: Path
    runtime_dir: Path
    socket: Path
    home: Path | None
    """The one folder everything is under, where `$MODELHUB_HOME` names it."""

    @property
    def config_file(self) -> Path:
        return self.config_dir / "config.toml"

    @property
    def local_catalog(self) -> Path:
        return self.config_dir / "catalog.d"

    @property
    def database(self) -> Path:
        return self.state_dir / "modelhub.db"

    @property
    def token_file(self) -> Path:
        return self.state_dir / "token"

    @property
    def lock_file(self) -> Path:
        return self.state_dir / "daemon.lock"

    @property
    def runtime_file(self) -> Path:
        return self.runtime_dir / "runtime.json"

    @property
    def logs_dir(self) -> Path:
        return self.state_dir / "logs"

    @property
    def bundles_d(self) -> Path:
        """Where applications say which bundles they ship."""
        return self.config_dir / "bundles.d"

    @property
    def packages_d(self) -> Path:
        """Where the administrator names folders of models."""
        return self.administrator_file.parent / "packages.d"

    @property
    def administrator_file(self) -> Path:
        if sys.platform == "darwin":
            return Path("/Library/Application Support/modelhub/config.toml")
        return Path("/etc/modelhub/config.toml")


def find_places(environ: Mapping[str, str]) -> Places:
    """The folders for this environment. An empty variable counts as unset."""
    home_value = environ.get("MODELHUB_HOME", "")
    if home_value:
        home = Path(home_value).expanduser().absolute()
        config, state, models = home / "config", home / "state", home / "models"
        runtime = home / "run"
    else:
        import platformdirs

        home = None
        dirs = platformdirs.PlatformDirs(APP, appauthor=False)
        config, state = Path(dirs.user_config_dir), Path(dirs.user_state_dir)
        models = Path(dirs.user_data_dir) / "models"
        runtime_root = environ.get("XDG_RUNTIME_DIR", "")
        runtime = Path(runtime_root) / APP if runtime_root and sys.platform != "darwin" else state / "run"
    socket = runtime / "modelhub.sock"
    if len(os.fsencode(socket)) > SOCKET_PATH_MAX:
        import hashlib  # seldom needed, and they cost clients a tenth of their start
        import tempfile

        name = hashlib.sha256(os.fsencode(runtime)).hexdigest()[:16]
        socket = Path(tempfile.gettempdir()) / f"{APP}-{os.getuid()}-{name}" / "modelhub.sock"
    return Places(
        config_dir=config, state_dir=state, models_dir=models, runtime_dir=runtime, socket=socket, home=home
    )


def private_dir(path: Path) -> Path:
    """`path`, made if missing, as a folder of ours that nobody else may enter.

    Raises:
        PermissionError: it is a link, belongs to somebody else, or cannot be closed to others.
    """
    path.mkdir(parents=True, exist_ok=True, mode=0o700)
    found = path.lstat()
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.getuid():
        raise PermissionError(f"{path} must be a folder of the user running the daemon")
    if found.st_mode & 0o077:
        path.chmod(0o700)
    return path
