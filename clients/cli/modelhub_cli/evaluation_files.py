"""Files of an evaluation: sets and checks that are read, reports that are written."""

import os
import sys
from pathlib import Path
from typing import Literal

import click

from modelhub_cli.failures import Failed
from modelhubd.wire.evaluations import MAX_UPLOAD_BYTES

Form = Literal["md", "json", "html"]
FORMS: tuple[Form, ...] = ("md", "json", "html")
STDIO = Path("-")


def read_text(path: Path) -> str:
    """The text of a file, or of standard input for `-`.

    Raises:
        click.UsageError: it is no text, cannot be read, or is larger than the daemon takes.
    """
    try:
        if path == STDIO:
            data = sys.stdin.buffer.read(MAX_UPLOAD_BYTES + 1)
        else:
            with path.open("rb") as file:
                data = file.read(MAX_UPLOAD_BYTES + 1)
        text = data.decode()
    except OSError as error:
        raise click.UsageError(f"{path} cannot be read: {error.strerror}.") from error
    except UnicodeDecodeError as error:
        raise click.UsageError(f"{path} is no UTF-8 text.") from error
    if len(data) > MAX_UPLOAD_BYTES:
        raise click.UsageError(
            f"{path} is larger than {MAX_UPLOAD_BYTES // 1024} KiB. Use several smaller sets."
        )
    return text


def form_of(path: Path | None, asked: str | None) -> Form:
    """The form of a report: the asked one, else what the file's name says, else Markdown.

    Raises:
        click.UsageError: the name says something else.
    """
    if asked is not None:
        return next(form for form in FORMS if form == asked)
    if path is None or path == STDIO or not path.suffix:
        return "md"
    found = {".md": "md", ".markdown": "md", ".json": "json", ".html": "html", ".htm": "html"}.get(
        path.suffix
    )
    if found is None:
        raise click.UsageError(f"What is to be written to {path}? Say --format md, json or html.")
    return next(form for form in FORMS if form == found)


def write_report(path: Path, text: str) -> None:
    """Write a report that nobody else can read: questions and answers are in it.

    Raises:
        Failed: it cannot be written.
    """
    try:
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write(text)
    except OSError as error:
        raise Failed(
            f"{path} cannot be written: {error.strerror}.",
            next_step="Choose another place. The report is kept: modelhub eval report ID --file FILE",
        ) from error
