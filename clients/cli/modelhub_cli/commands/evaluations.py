"""eval: models answer a file of questions, and what came of it."""

import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from modelhub_cli import words
from modelhub_cli.complete import installed_models
from modelhub_cli.connect import client, every
from modelhub_cli.evaluation_files import FORMS, STDIO, form_of, read_text, write_report
from modelhub_cli.evaluation_progress import follow, percent
from modelhub_cli.failures import FAILURE, NOT_FOUND, Failed, exit_code_of_job, report
from modelhub_cli.launch import ensure_daemon
from modelhub_cli.output import Column, Output, output_options, plain, text_options
from modelhub_cli.setting_options import Layers
from modelhub_cli.teaching import examples
from modelhub_cli.waiting import detached
from modelhub_client import ProblemError
from modelhubd.wire.evaluations import Evaluation, EvaluationState, ModelFigures, Sampling
from modelhubd.wire.evidence import Share
from modelhubd.wire.servers import LoadSettings

if TYPE_CHECKING:
    from modelhub_client import Client

EVALUATIONS: tuple[Column[Evaluation], ...] = (
    Column(title="id", raw=lambda one: one.id, style="dim"),
    Column(title="name", raw=lambda one: one.name, style="bold", flexible=True),
    Column(
        title="state",
        raw=lambda one: one.state.value,
        style=lambda one: words.STATE_STYLES.get(one.state.value, "cyan"),
    ),
    Column(
        title="done", raw=lambda one: one.done, shown=lambda one: f"{percent(one, one.done)} %", right=True
    ),
    Column(title="models", raw=lambda one: [model.model for model in one.models], flexible=True),
    Column(title="questions", raw=lambda one: one.questions, right=True),
    Column(title="made", raw=lambda one: one.created_at, from_width=110),
    Column(title="trouble", raw=lambda one: one.error.detail if one.error else "", from_width=130),
)


def _share(found: Share | None) -> str:
    if found is None or found.share is None or found.interval is None:
        return "–"
    low, high = found.interval.low * 100, found.interval.high * 100
    return f"{found.count}/{found.of} ({low:.0f}–{high:.0f} %)"


def _figure(value: float | None, digits: int) -> str:
    return "–" if value is None else f"{value:.{digits}f}"


def _summary(checks: Sequence[str]) -> tuple[Column[ModelFigures], ...]:
    """A line for each model; each check has a column with passes and their interval."""

    def passes(name: str) -> Column[ModelFigures]:
        return Column(
            title=name,
            raw=lambda model: model.checks[name].share,
            shown=lambda model: _share(model.checks.get(name)),
        )

    return (
        Column(title="model", raw=lambda model: model.model, style="bold", flexible=True),
        Column(title="answers", raw=lambda model: model.answered, right=True),
        Column(title="errors", raw=lambda model: sum(model.errors.values()), right=True),
        *(passes(name) for name in checks),
        Column(
            title="s", raw=lambda model: model.latency_s.median,
            shown=lambda model: _figure(model.latency_s.median, 2), right=True,
        ),
        Column(
            title="tokens/s", raw=lambda model: model.tokens_per_s.median,
            shown=lambda model: _figure(model.tokens_per_s.median, 1), right=True,
        ),
        Column(
            title="confidence", raw=lambda model: model.confidence.mean,
            shown=lambda model: _figure(model.confidence.mean, 3), right=True, from_width=100,
        ),
    )  # fmt: skip


@click.group(
    "eval",
    epilog=examples(
        "modelhub eval run --set prompts.jsonl --models acme/one acme/two --checks checks.yaml",
        "modelhub eval report 0123456789ab --format html --file report.html",
    ),
)
def eval_() -> None:
    """Models answer a file of questions; what they answer stays on this machine."""


@eval_.command(
    "run",
    epilog=examples(
        "modelhub eval run --set prompts.jsonl --models acme/one acme/two --checks checks.yaml",
        "modelhub eval run --set prompts.jsonl acme/one@1 acme/one@2 --report report.html",
        "modelhub eval run --set prompts.jsonl acme/one --temperature 0.7 --seed 3 -d",
    ),
)
@click.argument("more", nargs=-1, metavar="[MODEL]...", shell_complete=installed_models)
@click.option(
    "--set",
    "set_file",
    required=True,
    metavar="FILE",
    type=click.Path(path_type=Path),
    help="Questions: JSONL with `prompt` or `messages`, and `id`, `expected`, `checks` where wanted.",
)
@click.option(
    "--models",
    "named",
    multiple=True,
    metavar="MODEL [MODEL]...",
    shell_complete=installed_models,
    help="Installed models; the first is what the others are compared with.",
)
@click.option(
    "--checks", "checks_file", metavar="FILE", type=click.Path(path_type=Path), help="Checks, as YAML."
)
@click.option("--name", metavar="TEXT", help="What to call it.")
@click.option(
    "--seed", metavar="N", type=click.IntRange(0, 2**31 - 1), default=1, help="Of the random numbers."
)
@click.option(
    "--temperature", metavar="T", type=click.FloatRange(0, 5), default=0.0, help="0 is the default."
)
@click.option("--top-p", metavar="P", type=click.FloatRange(0, 1, min_open=True), default=1.0)
@click.option("--max-tokens", metavar="N", type=click.IntRange(1, 131_072), default=512, help="Of an answer.")
@click.option("--timeout", metavar="S", type=click.FloatRange(0, 3600, min_open=True), default=300.0)
@click.option("--ctx", metavar="N", type=click.IntRange(0, 16_777_216), help="Context length in tokens.")
@click.option("--threads", metavar="N", type=click.IntRange(1, 1024), help="Processor threads.")
@click.option("--gpu-layers", metavar="N|auto|all", type=Layers(), help="Layers on the GPU.")
@click.option("--evict", is_flag=True, help="Idle models of others may be unloaded to make room.")
@click.option(
    "--report", "report_file", metavar="FILE", type=click.Path(path_type=Path), help="Write the report."
)
@click.option(
    "--format", "report_form", type=click.Choice(FORMS), help="Of the report; else what FILE's name says."
)
@click.option("-d", "--detach", is_flag=True, help="Queue only; the daemon does it in the background.")
@output_options
def run(
    out: Output,
    /,
    more: tuple[str, ...],
    set_file: Path,
    named: tuple[str, ...],
    checks_file: Path | None,
    name: str | None,
    seed: int,
    temperature: float,
    top_p: float,
    max_tokens: int,
    timeout: float,
    ctx: int | None,
    threads: int | None,
    gpu_layers: int | None,
    evict: bool,
    report_file: Path | None,
    report_form: str | None,
    detach: bool,
) -> int:
    """Have installed models answer the questions of a file, one model after the other.

    Ctrl-C detaches: the daemon goes on, also after a restart. Checks see whether an answer is good:
    json_schema, regex, equals, contains, expected, or a script without network; see docs/evaluation.md.
    """
    models = (*named, *more)
    if not models:
        raise click.UsageError("Name the models: --models acme/one acme/two")
    if report_file is not None:
        form_of(report_file, report_form)
        if detach:
            raise click.UsageError(
                "--detach does not wait for a report. Get it later: modelhub eval report ID"
            )
    set_text = read_text(set_file)
    checks = None if checks_file is None else read_text(checks_file)
    ensure_daemon(os.environ, out.say)
    daemon = client()
    made = daemon.create_evaluation(
        set_text,
        models,
        checks=checks,
        seed=seed,
        sampling=Sampling(temperature=temperature, top_p=top_p, max_tokens=max_tokens, timeout_s=timeout),
        load=LoadSettings(ctx=ctx, threads=threads, gpu_layers=gpu_layers),
        name=name,
        evict=evict,
    )
    if detach:
        _told(out, made)
        out.say(f"Follow it: modelhub eval resume --watch {made.id}; see it: modelhub eval show {made.id}")
        return 0
    return _watch(daemon, out, made, report_file, report_form)


@eval_.command("list", epilog=examples("modelhub eval list", "modelhub eval list -o json"))
@output_options
def list_(out: Output) -> None:
    """Evaluations there are, the newest last."""
    daemon = client()
    found = list(every(lambda after: daemon.evaluations(limit=200, after=after)))
    out.items(found, EVALUATIONS, lambda one: one.id)
    if not found:
        out.say("No evaluations. Make one: modelhub eval run --help")


@eval_.command("show", epilog=examples("modelhub eval show 0123456789ab", "modelhub eval show 01 --json"))
@click.argument("evaluation_id", metavar="ID")
@output_options
def show(out: Output, evaluation_id: str) -> None:
    """How far one is, and its figures so far."""
    daemon = client()
    _print(daemon, out, _named(daemon, evaluation_id))


@eval_.command(
    "report",
    epilog=examples(
        "modelhub eval report 0123456789ab",
        "modelhub eval report 0123456789ab --format html --file report.html",
        "modelhub eval report 0123456789ab --questions 0 --json",
    ),
)
@click.argument("evaluation_id", metavar="ID")
@click.option("--format", "report_form", type=click.Choice(FORMS), help="Markdown by default.")
@click.option("--file", "file", metavar="FILE", type=click.Path(path_type=Path), help="Write it there.")
@click.option(
    "--questions",
    metavar="N",
    type=click.IntRange(0, 2000),
    default=20,
    help="So many are in it with their answers, those with different outcomes first; 0 for figures alone.",
)
@text_options
def report_(
    out: Output, evaluation_id: str, report_form: str | None, file: Path | None, questions: int
) -> None:
    """The report: figures with their intervals, verdicts, answers, and all that is needed to repeat it."""
    daemon = client()
    found = _named(daemon, evaluation_id)
    chosen = form_of(file, report_form or ("json" if out.json else None))
    text = daemon.evaluation_report_text(found.id, chosen, questions=questions)
    if file is None or file == STDIO:
        out.write(text if text.endswith("\n") else text + "\n")
        return
    write_report(file, text)
    out.say(f"The report is in {file}.")


@eval_.command("cancel", epilog=examples("modelhub eval cancel 0123456789ab"))
@click.argument("ids", nargs=-1, required=True, metavar="ID...")
@output_options
def cancel(out: Output, ids: tuple[str, ...]) -> int:
    """Stop evaluations; what they have stays, and they can be resumed."""
    daemon = client()
    code = 0
    for text in ids:
        try:
            _told(out, daemon.cancel_evaluation(_named(daemon, text).id))
        except ProblemError as error:
            code = report(error)
    return code


@eval_.command(
    "resume",
    epilog=examples("modelhub eval resume 0123456789ab", "modelhub eval resume --watch 0123456789ab"),
)
@click.argument("evaluation_id", metavar="ID")
@click.option("--watch", is_flag=True, help="Only watch one that goes on already.")
@click.option("-d", "--detach", is_flag=True, help="Do not wait for its end.")
@output_options
def resume(out: Output, evaluation_id: str, watch: bool, detach: bool) -> int:
    """Go on with what is not answered, and watch it."""
    daemon = client()
    found = _named(daemon, evaluation_id)
    if not watch:
        found = daemon.resume_evaluation(found.id)
    if detach:
        _told(out, found)
        return 0
    return _watch(daemon, out, found, None, None)


@eval_.command("rm", epilog=examples("modelhub eval rm 0123456789ab"))
@click.argument("ids", nargs=-1, required=True, metavar="ID...")
@output_options
def rm(out: Output, ids: tuple[str, ...]) -> int:
    """Forget evaluations that have ended, with their questions and answers."""
    daemon = client()
    code = 0
    for text in ids:
        try:
            found = _named(daemon, text)
            daemon.remove_evaluation(found.id)
        except ProblemError as error:
            code = report(error)
            continue
        _told(out, found, "is removed")
    return code


def _watch(
    daemon: "Client", out: Output, evaluation: Evaluation, report_file: Path | None, form: str | None
) -> int:
    try:
        ended = follow(daemon, out, evaluation)
    except KeyboardInterrupt:
        return detached(out, f"eval resume --watch {evaluation.id}", f"eval cancel {evaluation.id}")
    if report_file is not None:
        text = daemon.evaluation_report_text(ended.id, form_of(report_file, form))
        if report_file == STDIO:
            out.write(text)
        else:
            write_report(report_file, text)
            out.say(f"The report is in {report_file}.")
    if ended.state is EvaluationState.COMPLETED:
        if report_file != STDIO and not out.json:
            _print(daemon, out, ended)
        if report_file is None:
            out.say(f"The whole report: modelhub eval report {ended.id}")
        return 0
    if ended.state is EvaluationState.CANCELLED:
        why, code = "was cancelled.", FAILURE
    else:
        why = f"failed: {plain(ended.error.detail) if ended.error else 'It does not say why.'}"
        code = exit_code_of_job(ended.error.code if ended.error else None)
    step = f"Go on with what is not answered: modelhub eval resume {ended.id}"
    return report(Failed(f"The evaluation {ended.id} {why}", next_step=step, code=code))


def _print(daemon: "Client", out: Output, evaluation: Evaluation) -> None:
    """Its state on stderr, its figures as data."""
    if out.json:
        out.value(evaluation)
        return
    if out.quiet:
        out.line(evaluation.id)
        return
    out.say(
        f"{plain(evaluation.name or evaluation.id)}: {evaluation.state.value},"
        f" {evaluation.done} of {evaluation.total} answers"
    )
    found = daemon.evaluation_report(evaluation.id, questions=0)
    out.items(found.models, _summary(evaluation.checks), lambda model: model.model)
    for pair in found.pairs:
        for each in pair.figures:
            said = each.verdict.value.replace("_", " ")
            out.say(f"{pair.second} beside {pair.first}, {each.figure}: {said}")


def _told(out: Output, evaluation: Evaluation, what: str | None = None) -> None:
    if out.json:
        out.value(evaluation)
    elif out.quiet or not out.terminal:
        out.line(evaluation.id)
    else:
        out.line(f"{plain(evaluation.name or evaluation.id)} {what or f'is {evaluation.state.value}'}")


def _named(daemon: "Client", text: str) -> Evaluation:
    """The one whose id begins so, or that is called so.

    Raises:
        Failed: none is (exit code 3), or several are.
    """
    known = list(every(lambda after: daemon.evaluations(limit=200, after=after)))
    found = [one for one in known if one.id.startswith(text) or one.name == text]
    if len(found) == 1:
        return found[0]
    raise Failed(
        f"There is no evaluation {text}." if not found else f"{len(found)} evaluations are called {text}.",
        next_step="What there is: modelhub eval list",
        code=NOT_FOUND if not found else FAILURE,
    )
