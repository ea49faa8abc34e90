"""Passphrases of root keys: from files, or asked for where there is a terminal."""

import os
import stat
import sys
from collections.abc import Sequence
from pathlib import Path

import click

from modelhubd.errors import CannotStart

PASSPHRASE_FILE = click.Path(path_type=Path, dir_okay=False)
FILE_MAX = 4096


def new_passphrases(count: int, encrypt: bool, files: Sequence[Path]) -> dict[str, str]:
    """A passphrase for each of `count` root keys to be made, by name; none unless one is wanted. One file is
    for all keys, else there is one for each.

    Raises:
        CannotStart: a file cannot be used, or there is nobody to ask.
        click.UsageError: there are neither one file nor as many as keys.
    """
    names = [f"root-{number}" for number in range(1, count + 1)]
    if files:
        if len(files) not in (1, count):
            raise click.UsageError(f"Name one --passphrase-file for all root keys, or {count}: one for each.")
        given = [read_passphrase(file) for file in files]
        return dict(zip(names, given * count if len(given) == 1 else given, strict=len(given) > 1))
    if not encrypt:
        return {}
    _need_terminal()
    return {
        name: click.prompt(
            f"Passphrase for {name}, typed by whoever keeps it", hide_input=True, confirmation_prompt=True,
            err=True,
        )
        for name in names
    }  # fmt: skip


def known_passphrases(folders: Sequence[Path], files: Sequence[Path]) -> tuple[str, ...]:
    """What opens the root keys in `folders`: from the files, or asked for each key that is encrypted.

    Raises:
        CannotStart: a file or key cannot be read, or there is nobody to ask.
    """
    from modelhubd.registry.release import keys

    if files:
        return tuple(read_passphrase(file) for file in files)
    if not (closed := keys.encrypted(folders)):
        return ()
    _need_terminal()
    return tuple(click.prompt(f"Passphrase of {path}", hide_input=True, err=True) for path in closed)


def read_passphrase(path: Path) -> str:
    """The first line of a file that nobody else can read.

    Raises:
        CannotStart: it cannot be read, others can read it, or it is no text.
    """
    try:
        with path.open("rb") as file:
            mode = os.fstat(file.fileno()).st_mode
            data = file.read(FILE_MAX)
    except OSError as error:
        raise CannotStart(f"The passphrase file {path} cannot be read: {error.strerror}.") from error
    if stat.S_ISREG(mode) and mode & 0o077:
        raise CannotStart(f"The passphrase file {path} can be read by others: chmod 600 {path}")
    try:
        return data.decode().partition("\n")[0].rstrip("\r")
    except UnicodeDecodeError as error:
        raise CannotStart(f"The passphrase file {path} is no text in UTF-8.") from error


def _need_terminal() -> None:
    if not sys.stdin.isatty():
        raise CannotStart(
            "There is no terminal to ask for a passphrase. Name a file with it: --passphrase-file."
        )
