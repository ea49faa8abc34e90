"""What an entry requires of the programs that use it, as PEP 440 specifiers such as `>=2.1,<3`.

https://peps.python.org/pep-0440/, by the package `packaging`. It is imported where it is needed: a start
must not pay for it, and most entries require nothing.
"""

import re

from msgspec import Struct

from modelhubd.errors import InvalidInput
from modelhubd.wire.catalog import Requires
from modelhubd.wire.policy import App

SPECIFIER_MAX = 300
_APP = re.compile(r"([A-Za-z0-9][A-Za-z0-9._-]{0,63})/([A-Za-z0-9][A-Za-z0-9.+!_-]{0,63})")
_APP_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
HEADER = "Modelhub-App"


class Programs(Struct, frozen=True, kw_only=True):
    """The versions that requirements are compared with; None where one is not known."""

    daemon: str
    llama_server: int | None = None
    """The build that loads models."""
    app: App | None = None
    """Who asks, if it has said so."""


def read_app(header: str) -> App:
    """What `Modelhub-App: <app-id>/<version>` says.

    Raises:
        InvalidInput: it is not of that form, or its version is none of PEP 440.
    """
    from packaging.version import InvalidVersion, Version

    match = _APP.fullmatch(header.strip())
    try:
        Version(match[2] if match else "")
    except InvalidVersion:
        match = None
    if match is None:
        raise InvalidInput.at(
            HEADER, "write <app-id>/<version>, such as my-editor/2.1, the version as in PEP 440"
        )
    return App(id=match[1], version=match[2])


def is_app_id(text: str) -> bool:
    """Whether a program may be called so."""
    return _APP_ID.fullmatch(text) is not None


def fault_in_specifier(text: str) -> str | None:
    """Why `text` is no version specifier; None if it is one."""
    from packaging.specifiers import InvalidSpecifier, SpecifierSet

    try:
        SpecifierSet(text)
    except InvalidSpecifier:
        return "not a version specifier as of PEP 440, such as >=2.1,<3"
    return None


class Unmet(Struct, frozen=True, kw_only=True):
    """A requirement that a program here does not meet, and which program that is."""

    program: str
    """The application's id, `daemon` or `llama_server`."""
    is_app: bool = False
    detail: str


def unmet(requires: Requires, programs: Programs) -> tuple[Unmet, ...]:
    """Every requirement that is not met. What is not known, or cannot be read, holds nothing back."""
    found = []
    app, build = programs.app, programs.llama_server
    if app is not None and not _meets(requires.app.get(app.id), app.version):
        detail = f"It needs {app.id} {requires.app[app.id]}, and this is {app.version}."
        found.append(Unmet(program=app.id, is_app=True, detail=detail))
    if not _meets(requires.daemon, programs.daemon):
        detail = f"It needs modelhubd {requires.daemon}, and this is {programs.daemon}. Update modelhubd."
        found.append(Unmet(program="daemon", detail=detail))
    if build is not None and not _meets(requires.llama_server, str(build)):
        needs = requires.llama_server
        detail = f"It needs llama-server {needs}, and this is build {build}. Update llama-server."
        found.append(Unmet(program="llama_server", detail=detail))
    return tuple(found)


def held_back(requires: Requires, programs: Programs) -> str | None:
    """The first reason why an entry with these requirements is not for these programs; None if it is."""
    if requires == Requires():
        return None
    return next((found.detail for found in unmet(requires, programs)), None)


def _meets(specifier: str | None, version: str) -> bool:
    if specifier is None or fault_in_specifier(specifier) is not None:
        return True
    from packaging.specifiers import SpecifierSet

    return SpecifierSet(specifier).contains(version, prereleases=True)
