"""bundle: models in a folder, to be carried or shipped."""

import hashlib
import os
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import click
import msgspec

from modelhub_cli import words
from modelhub_cli.complete import installed_models
from modelhub_cli.connect import client
from modelhub_cli.failures import CONFLICT, FAILURE, INTEGRITY, USAGE, Failed, exit_code_of_job, report
from modelhub_cli.jobs import tell_end, watch_jobs
from modelhub_cli.output import Column, Output, output_options, plain
from modelhub_cli.teaching import examples
from modelhubd.wire.bundles import MANIFEST, SIGNATURE, BundleCheck, BundleReport, Outcome, Source
from modelhubd.wire.jobs import Job, JobState

if TYPE_CHECKING:
    from modelhub_client import Client

SIGNS = {Outcome.GOOD: "✓", Outcome.UNCHECKED: "–", Outcome.WRONG: "✗"}
STYLES = {Outcome.GOOD: "green", Outcome.UNCHECKED: "dim", Outcome.WRONG: "red"}
CHECKS: tuple[Column[BundleCheck], ...] = (
    Column(
        title="",
        raw=lambda check: check.outcome.value,
        shown=lambda check: SIGNS[check.outcome],
        style=lambda check: STYLES[check.outcome],
    ),
    Column(title="checked", raw=lambda check: check.what, style="bold"),
    Column(title="found", raw=lambda check: check.detail, flexible=True, wraps=True),
)
SOURCES: tuple[Column[Source], ...] = (
    Column(title="source", raw=lambda source: source.id, style="bold"),
    Column(
        title="state",
        raw=lambda source: source.state.value,
        style=lambda source: words.STATE_STYLES.get(source.state.value, ""),
    ),
    Column(title="models", raw=lambda source: ", ".join(source.models), flexible=True),
    Column(title="where", raw=lambda source: source.where, from_width=100),
    Column(title="trouble", raw=lambda source: source.detail or "", flexible=True, wraps=True),
)
EXAMPLES = """\b
Examples:
  modelhub bundle create ./models qwen/qwen3-0.6b --with-catalog --sign publisher.pem
  modelhub bundle verify ./models
  modelhub bundle install /media/stick/models        on a machine without network
  modelhub bundle add /opt/app/models --app my-app   an application's models, used where they are
"""
FOLDER = click.Path(path_type=Path)
KEY = click.option("--key", metavar="HEX", help="The public key that must have signed it (64 hex digits).")


@click.group(epilog=EXAMPLES)
def bundle() -> None:
    """Models in a folder: made of what is installed, verified, installed elsewhere, used where they are."""


@bundle.command(epilog=examples("modelhub bundle create ./models qwen/qwen3-0.6b"))
@click.argument("path", type=FOLDER)
@click.argument("models", nargs=-1, required=True, metavar="REF...", shell_complete=installed_models)
@click.option("--name", help="Of the bundle; by default that of the folder.")
@click.option("--sign", "key", type=FOLDER, help="Sign it with this publisher's key (a file).")
@click.option("--with-catalog", is_flag=True, help="Put in the registry's signed catalog.")
@click.option("--link", is_flag=True, help="Hard links in place of copies, where that can be.")
@output_options
def create(
    out: Output,
    path: Path,
    models: tuple[str, ...],
    name: str | None,
    key: Path | None,
    with_catalog: bool,
    link: bool,
) -> int:
    """Make a bundle of installed models in the new folder PATH."""
    if key is not None:
        _key_of(key)  # before gigabytes are copied
    daemon = client()
    job = daemon.create_bundle(path, models, name=name, link=link, with_catalog=with_catalog)

    def tell(made: BundleReport) -> int:
        if key is not None:
            _sign(path, made.name, key, made.manifest_sha256)
        if out.json:
            out.value(made)
        else:
            out.line(str(path))
        signed = ", signed" if key is not None else ""
        out.say(f"{words.counted(len(made.items), 'model')}, {words.size(made.size_bytes)}{signed}.")
        return 0

    return _followed(daemon, out, job, tell)


@bundle.command(epilog=examples("modelhub bundle sign ./models --key publisher.pem"))
@click.argument("path", type=FOLDER)
@click.option("--key", type=FOLDER, required=True, help="A publisher's key (a file).")
@output_options
def sign(out: Output, path: Path, key: Path) -> None:
    """Sign the bundle at PATH; verify it first."""
    _key_of(key)
    name = _sign(path, None, key, None)
    out.say(f"{name} is signed.")


@bundle.command(epilog=examples("modelhub bundle verify ./models"))
@click.argument("path", type=FOLDER)
@KEY
@output_options
def verify(out: Output, path: Path, key: str | None) -> int:
    """Read the bundle at PATH whole and say what of it was checked. Exit code 8 if anything is wrong."""
    daemon = client()

    def tell(found: BundleReport) -> int:
        if out.json:
            out.value(found)
        else:
            out.items(found.checks, CHECKS, lambda check: check.what)
        wrong = [check for check in found.checks if check.outcome is Outcome.WRONG]
        if wrong:
            message = f"{found.name}: {wrong[0].what}: {wrong[0].detail}"
            next_step = "Do not use it. Make it again, or get it again from whoever made it."
            return report(Failed(plain(message), next_step=next_step, code=INTEGRITY))
        models = words.counted(len(found.items), "model")
        out.say(f"{found.name} is good: {models}, {words.size(found.size_bytes)}.")
        return 0

    return _followed(daemon, out, daemon.verify_bundle(path, key=key), tell)


@bundle.command(epilog=examples("modelhub bundle install /media/stick/models"))
@click.argument("path", type=FOLDER)
@KEY
@output_options
def install(out: Output, path: Path, key: str | None) -> int:
    """Verify the bundle at PATH and put its models into the library. Needs no network."""
    daemon = client()

    def tell(found: BundleReport) -> int:
        if out.json:
            out.value(found)
        else:
            for item in found.items:
                out.line(words.reference(item.model, item.version, item.option))
        before = sum(item.before for item in found.items)
        fresh = len(found.items) - before
        if fresh:
            out.say(f"Installed from {found.name}: {words.counted(fresh, 'model')}.")
        if before:
            out.say(f"In the library already, so not taken from {found.name}: {before}.")
        return 0

    return _followed(daemon, out, daemon.install_bundle(path, key=key), tell)


@bundle.command("sources", epilog=examples("modelhub bundle sources"))
@output_options
def list_sources(out: Output) -> None:
    """Folders of applications and of the administrator that provide models."""
    found = client().sources().items
    out.items(found, SOURCES, lambda source: source.id)
    if not found:
        out.say("No application and no administrator provides models here.")


@bundle.command(epilog=examples("modelhub bundle add /opt/app/models --app com.example.app"))
@click.argument("path", type=FOLDER)
@click.option("--app", required=True, help="Name of the application.")
@KEY
@output_options
def add(out: Output, path: Path, app: str, key: str | None) -> int:
    """Have the models of the bundle at PATH in the library, used where they are."""
    found = client().add_source(path, app, key=key)
    if out.json:
        out.value(found)
    else:
        out.line(found.id)
    out.say(f"{found.id} is {found.state.value}{f': {plain(found.detail)}' if found.detail else ''}.")
    return FAILURE if found.state.value == "refused" else 0


@bundle.command(epilog=examples("modelhub bundle remove com.example.app"))
@click.argument("source", metavar="SOURCE")
@output_options
def remove(out: Output, source: str) -> None:
    """Take an application's bundle out of the library; its files stay. SOURCE is as `sources` lists it."""
    client().remove_source(source if ":" in source else f"bundle:{source}")
    out.say(f"{source} provides no models any more.")


class _Named(msgspec.Struct):
    """Of the manifest, what a signature names; `verify` looks at the rest."""

    name: str


def _followed(daemon: "Client", out: Output, job: Job, tell: Callable[[BundleReport], int]) -> int:
    """Wait for the job and tell what came of it; the exit code."""

    def ended(job: Job) -> int:
        if job.state is JobState.FAILED and job.error is not None:
            return report(Failed(plain(job.error.detail), code=exit_code_of_job(job.error.code)))
        if job.state is not JobState.COMPLETED:
            return tell_end(out, job)
        return tell(msgspec.convert(job.result, BundleReport))

    return watch_jobs(daemon, out, [job], ended)


def _key_of(path: Path) -> bytes:
    from modelhub_cli.authoring.key_files import read_key

    return read_key(path)


def _sign(path: Path, name: str | None, key: Path, digest: str | None) -> str:
    """Put a signature over the manifest beside it; answers the bundle's name."""
    # Here, as it brings the library of cryptography, which takes longer to import than most commands take.
    from modelhubd.trust.bundle_statements import sign_bundle

    try:
        data = (path / MANIFEST).read_bytes()
        found = msgspec.json.decode(data, type=_Named)
    except (OSError, msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise Failed(f"{path} is no bundle that could be signed: {error}", code=USAGE) from error
    sha256 = hashlib.sha256(data).hexdigest()
    if digest not in (None, sha256) or name not in (None, found.name):
        raise Failed(f"{path} has been changed since it was made, so it is not signed.", code=INTEGRITY)
    envelope = msgspec.json.encode(sign_bundle(found.name, sha256, _key_of(key)))
    try:
        fd = os.open(path / SIGNATURE, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o644)
    except FileExistsError as error:
        raise Failed(
            f"{path} has a signature already.",
            next_step=f"Remove {path / SIGNATURE} to sign it anew.",
            code=CONFLICT,
        ) from error
    with os.fdopen(fd, "wb") as file:
        file.write(envelope)
        file.flush()
        os.fsync(file.fileno())
    return found.name
