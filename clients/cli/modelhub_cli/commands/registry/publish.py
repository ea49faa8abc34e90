"""publish: from a model to a version that waits for its review."""

import hashlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import click

from modelhub_cli.failures import NOT_FOUND, USAGE, Failed
from modelhub_cli.issues import print_issues
from modelhub_cli.output import Fact, Output, output_options, plain
from modelhub_cli.registry_access import open_registry
from modelhubd.wire.registry import Issue, Published, Severity

if TYPE_CHECKING:
    from modelhub_cli.authoring.checking import Checked
    from modelhub_cli.authoring.sources import Asked

EXAMPLES = """\b
Examples:
  modelhub registry publish entry.json
  modelhub registry publish tiny-Q4_K_M.gguf --id acme/tiny --url-base https://files.example.org/tiny
  modelhub registry publish ./tiny-mlx --id acme/tiny --url-base https://files.example.org/m --sign acme.key
  modelhub registry publish hf:Qwen/Qwen3-0.6B-GGUF --id acme/qwen3-0.6b --notes "First version."
  modelhub registry publish hf:Qwen/Qwen3-0.6B-GGUF@main --dry-run
"""


@click.command(epilog=EXAMPLES)
@click.argument("source", metavar="FILE|FOLDER|hf:OWNER/NAME[@REVISION]")
@click.option("--id", "model", metavar="PUBLISHER/NAME", help="The model's id here.")
@click.option("--notes", metavar="TEXT", help="What is new in this version.")
@click.option(
    "--url-base",
    "url_bases",
    multiple=True,
    metavar="URL",
    help="Where the files are, each by its name below it; more than one are mirrors.",
)
@click.option(
    "--url", "urls", multiple=True, metavar="URL", help="Where the one file is; more than one are mirrors."
)
@click.option("--name", "display_name", metavar="TEXT", help="Its name for people.")
@click.option("--description", metavar="TEXT", help="What it is good for.")
@click.option("--license", "license_", metavar="SPDX", help="Where the files do not say it, or wrongly.")
@click.option("--homepage", metavar="URL")
@click.option("--tag", "tags", multiple=True, metavar="WORD")
@click.option(
    "--capability",
    "capabilities",
    multiple=True,
    metavar="WORD",
    help="chat, embedding, vision, tools, …; otherwise what the files say.",
)
@click.option(
    "--sign",
    "key_file",
    type=click.Path(path_type=Path),
    metavar="KEYFILE",
    help="Sign it with a publisher's key.",
)
@click.option(
    "--out",
    "out_file",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="Write the entry there and publish nothing.",
)
@click.option("--dry-run", is_flag=True, help="Print the entry and what would be noticed; publish nothing.")
@click.option("--again", is_flag=True, help="Publish although the very same was published a moment ago.")
@click.option("--registry", "url", metavar="URL", help="Which registry.")
@output_options
def publish(
    out: Output,
    /,
    source: str,
    model: str | None,
    key_file: Path | None,
    out_file: Path | None,
    dry_run: bool,
    again: bool,
    url: str | None,
    license_: str | None,
    **facts: object,
) -> int:
    """Publish a version of a model. Reviewers see it next; machines get it once it is approved.

    An entry file is taken as it is. From model files the entry is made: digests, sizes, architecture,
    quantizations and licence are read from them. Files are not uploaded: say where machines get them.
    """
    from modelhub_cli.authoring.sources import Asked

    asked = Asked(id=model, license=license_, **facts)  # type: ignore[arg-type]  # click's values, by name
    checked = _checked(out, source, asked)
    envelopes = checked.envelopes
    if key_file is not None:
        from modelhub_cli.authoring.signing import signed

        envelopes = signed(checked, key_file)
    from modelhub_cli.authoring.checking import document_of

    document = document_of(checked, envelopes)
    if out_file is not None:
        write_entry(out_file, document)
        out.say(f"The entry is in {out_file}. Publish it: modelhub registry publish {out_file}")
    if dry_run:
        _print_document(out, document)
    if dry_run or out_file is not None:
        _tell_issues(out, checked.issues())
        return 0
    body = checked.body(envelopes)
    with open_registry(url, out=out) as registry:
        published = registry.publish(checked.model, body, idempotency_key=_key(checked.model, body, again))
    _tell(out, checked.model, published)
    return 0


def _checked(out: Output, source: str, asked: "Asked") -> "Checked":
    from modelhub_cli.authoring.checking import check_body, check_draft
    from modelhub_cli.authoring.sources import draft_of, is_entry_file

    if not is_entry_file(source):
        draft = draft_of(source, asked, lambda total: _progress(out, total))
        for remark in draft.remarks:
            out.say(f"Note: {plain(remark)}")
        return check_draft(draft)
    if asked.describes:
        raise Failed("An entry file says all of that itself; only --id and --notes go with one.", code=USAGE)
    body = read_entry(Path(source))
    if asked.notes is not None:
        body = _with_notes(body, asked.notes)
    return check_body(body, asked.id)


def read_entry(path: Path) -> bytes:
    """The bytes of an entry file.

    Raises:
        Failed: it cannot be read.
    """
    from modelhub_cli.authoring.sources import ENTRY_MAX

    try:
        with path.open("rb") as file:
            return file.read(ENTRY_MAX)
    except FileNotFoundError as error:
        raise Failed(f"There is no {path}.", code=NOT_FOUND) from error
    except OSError as error:
        raise Failed(f"{path} cannot be read: {error.strerror or error}.") from error


def _with_notes(body: bytes, notes: str) -> bytes:
    from modelhub_cli.authoring.checking import check_body, document_of

    return json.dumps(document_of(check_body(body, None)) | {"notes": notes}).encode()


def write_entry(path: Path, document: dict[str, object]) -> None:
    """Write an entry so that people can read it.

    Raises:
        Failed: it cannot be written.
    """
    try:
        path.write_text(json.dumps(document, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
    except OSError as error:
        raise Failed(f"{path} cannot be written: {error.strerror or error}.") from error


def _print_document(out: Output, document: dict[str, object]) -> None:
    if out.json:
        out.value(document)
    else:
        out.write(json.dumps(document, indent=2, ensure_ascii=False) + "\n")


def _key(model: str, body: bytes, again: bool) -> str:
    """The same for the same content, so that a repeat after a lost answer finds what the first one did."""
    if again:
        import secrets

        return secrets.token_hex(16)
    return hashlib.sha256(model.encode() + b"\n" + body).hexdigest()


def _progress(out: Output, total: int) -> Callable[[int], None]:
    from modelhub_cli.reading_progress import ReadingProgress

    return ReadingProgress(out, total).advance


def _tell(out: Output, model: str, published: Published) -> None:
    reference = f"{model}@{published.version}"
    if out.json:
        out.value(published)
    elif out.quiet:
        out.line(reference)
    else:
        out.facts(
            (
                Fact(name="version", raw=reference, style="bold"),
                Fact(name="status", raw=published.status.value, style="yellow"),
                Fact(name="content_sha256", raw=published.content_sha256),
            )
        )
    _tell_issues(out, published.issues)
    if any(issue.severity is Severity.ERROR for issue in published.issues):
        out.say(f"It cannot be approved as it is. Take it back: modelhub registry cancel {reference}")
    else:
        out.say(f"It waits for its review: modelhub registry reviews show {reference}")


def _tell_issues(out: Output, issues: tuple[Issue, ...]) -> None:
    if issues and not out.quiet:
        print_issues(out, issues)
