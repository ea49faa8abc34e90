import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.fakes.bad_origin import BadOrigin
from tests.fakes.download_home import IMPATIENT, Home
from tests.fakes.origin import Origin


@pytest.fixture(scope="session")
def _origin() -> Iterator[Origin]:
    with Origin() as origin:
        yield origin


@pytest.fixture
def origin(_origin: Origin) -> Origin:
    return _origin


@pytest.fixture(scope="session")
def _bad() -> Iterator[BadOrigin]:
    with BadOrigin() as origin:
        yield origin


@pytest.fixture
def bad(_bad: BadOrigin) -> BadOrigin:
    return _bad


@pytest.fixture
def home(tmp_path: Path, origin: Origin) -> Home:
    return Home(folder=tmp_path, allow_origins=(origin.url,))


@pytest.fixture
def impatient(home: Home) -> None:
    home.limits = IMPATIENT


@pytest.fixture
def certificate(tmp_path: Path) -> Path:
    """A self-signed certificate for 127.0.0.1 and models.example.org and its key in one PEM file."""
    openssl = shutil.which("openssl")
    if openssl is None:
        pytest.skip("making a certificate needs the openssl program")
    path = tmp_path / "origin.pem"
    made = subprocess.run(
        [
            openssl, "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1",
            "-nodes", "-days", "2", "-subj", "/CN=origin",
            "-addext", "subjectAltName=IP:127.0.0.1,DNS:models.example.org",
            "-keyout", "-", "-out", "-",
        ],
        capture_output=True,
        check=True,
    )  # fmt: skip
    path.write_bytes(made.stdout)
    return path


@pytest.fixture
def secure(certificate: Path) -> Iterator[Origin]:
    with Origin("--certificate", str(certificate)) as origin:
        yield origin
