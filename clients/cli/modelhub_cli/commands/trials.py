"""trial: a candidate beside the active model."""

from pathlib import Path
from typing import Literal

import click

from modelhub_cli.asking import ask
from modelhub_cli.complete import installed_models
from modelhub_cli.connect import client, every
from modelhub_cli.evidence_shown import print_evidence
from modelhub_cli.failures import USAGE, Failed
from modelhub_cli.marking import mark_pairs
from modelhub_cli.output import Column, Fact, Output, output_options, plain
from modelhub_cli.teaching import examples
from modelhub_cli.waiting import waiting
from modelhub_cli.words import reference
from modelhubd.wire.trials import (
    MOST_CHECKS,
    MOST_PAIRS,
    Pair,
    PairSide,
    Trial,
    TrialDecision,
    TrialModel,
    TrialState,
)

EXAMPLES = """\b
Examples:
  modelhub trial start qwen/qwen3-0.6b@1 qwen/qwen3-0.6b@2          what the one is asked, the other is too
  modelhub trial start qwen/qwen3-0.6b@1 qwen/qwen3-0.6b@2 --keep 50   and keep 50 pairs for blind marks
  modelhub trial show 3f9a01c2          the evidence so far
  modelhub trial blind 3f9a01c2         which of two answers is better, by keys
  modelhub trial promote 3f9a01c2       the candidate takes the name; modelhub update --rollback undoes it
"""
STYLES = {TrialState.RUNNING: "cyan", TrialState.PAUSED: "yellow", TrialState.PROMOTED: "green"}


def _name(model: TrialModel) -> str:
    return reference(model.model, model.version, model.option)


def _why(trial: Trial) -> str:
    reason = trial.reason or trial.waits_for
    return "" if reason is None else reason.detail


TRIALS: tuple[Column[Trial], ...] = (
    Column(title="id", raw=lambda trial: trial.id, style="bold"),
    Column(title="state", raw=lambda trial: trial.state.value, style=lambda trial: STYLES[trial.state]),
    Column(title="active", raw=lambda trial: _name(trial.active), flexible=True),
    Column(title="candidate", raw=lambda trial: _name(trial.candidate), flexible=True),
    Column(title="pairs", raw=lambda trial: trial.counts.pairs, right=True),
    Column(title="waiting", raw=lambda trial: trial.counts.pending, right=True),
    Column(title="why", raw=_why, flexible=True, from_width=100),
)


def _side(side: PairSide) -> str:
    if side.error is not None:
        return f"✗ {side.error.code}"
    latency = "–" if side.latency_s is None else f"{side.latency_s:.2f} s"
    return f"{latency}, {side.completion_tokens or 0} tokens"


PAIRS: tuple[Column[Pair], ...] = (
    Column(title="n", raw=lambda pair: pair.n, style="bold", right=True),
    Column(title="route", raw=lambda pair: pair.route, from_width=90),
    Column(title="active s", raw=lambda pair: pair.active.latency_s, shown=lambda pair: _side(pair.active)),
    Column(
        title="candidate s",
        raw=lambda pair: pair.candidate.latency_s,
        shown=lambda pair: _side(pair.candidate),
    ),
    Column(title="same", raw=lambda pair: pair.exact),
    Column(title="similar", raw=lambda pair: pair.similarity, from_width=100),
    Column(title="mark", raw=lambda pair: pair.mark),
)
DECISIONS: tuple[Column[TrialDecision], ...] = (
    Column(title="trial", raw=lambda one: one.trial, style="bold"),
    Column(title="decision", raw=lambda one: one.decision),
    Column(title="at", raw=lambda one: one.at),
    Column(title="by", raw=lambda one: one.by),
    Column(title="active", raw=lambda one: _name(one.active), flexible=True),
    Column(title="candidate", raw=lambda one: _name(one.candidate), flexible=True),
    Column(title="pairs", raw=lambda one: one.counts.pairs, right=True),
)


@click.group(epilog=EXAMPLES)
def trial() -> None:
    """Try a candidate on what the active model is asked; the active one alone answers."""


@trial.command(
    epilog=examples(
        "modelhub trial start qwen/qwen3-0.6b@1 qwen/qwen3-0.6b@2",
        "modelhub trial start qwen/qwen3-0.6b@1 qwen/qwen3-0.6b@2 --sample 0.2 --when parallel --keep 50",
        "modelhub trial start qwen/qwen3-0.6b qwen/qwen3-1.7b --checks checks.yaml   another model",
    )
)
@click.argument("active", metavar="ACTIVE", shell_complete=installed_models)
@click.argument("candidate", metavar="CANDIDATE", shell_complete=installed_models)
@click.option("--sample", type=click.FloatRange(0, 1, min_open=True), default=1.0, help="Share of requests.")
@click.option(
    "--when",
    type=click.Choice(("idle", "parallel")),
    default="idle",
    help="idle: while nobody needs the machine. parallel: beside the active one, between requests.",
)
@click.option(
    "--keep", type=click.IntRange(0, 10_000), default=0,
    help="Pairs whose content is kept, encrypted, for blind marks.",
)  # fmt: skip
@click.option("--max-pending", type=click.IntRange(1, 10_000), default=200, help="Requests that may wait.")
@click.option(
    "--max-pairs", type=click.IntRange(1, MOST_PAIRS), default=1000,
    help="With so many it has enough and pauses; resumed it takes as many again.",
)  # fmt: skip
@click.option(
    "--checks", type=click.Path(path_type=Path), help="A checks file: both answers of each pair are checked."
)
@output_options
def start(
    out: Output,
    active: str,
    candidate: str,
    sample: float,
    when: Literal["idle", "parallel"],
    keep: int,
    max_pending: int,
    max_pairs: int,
    checks: Path | None,
) -> None:
    """Begin: what ACTIVE is asked, CANDIDATE is asked too, later and unseen."""
    begun = client().start_trial(
        active,
        candidate,
        sample=sample,
        when=when,
        keep=keep,
        max_pending=max_pending,
        max_pairs=max_pairs,
        checks="" if checks is None else _text_of(checks),
    )
    out.items([begun], TRIALS, lambda one: one.id)
    for note in begun.notes:
        out.say(note)
    if out.terminal and out.talks:
        out.say(f"\nIts evidence: modelhub trial show {begun.id}")


@trial.command("list", epilog=examples("modelhub trial list", "modelhub trial list --decisions"))
@click.option("--decisions", is_flag=True, help="What was promoted and removed, and on how many pairs.")
@output_options
def list_trials(out: Output, decisions: bool) -> None:
    """Every trial, the newest first."""
    daemon = client()
    if decisions:
        out.items(daemon.trial_decisions().items, DECISIONS, lambda one: one.trial)
        return
    found = daemon.trials().items
    out.items(found, TRIALS, lambda one: one.id)
    if not found:
        out.say("No trial. Begin one: modelhub trial start ACTIVE CANDIDATE")


@trial.command(epilog=examples("modelhub trial show 3f9a01c2", "modelhub trial show 3f9a01c2 -o json"))
@click.argument("trial_id", metavar="ID")
@output_options
def show(out: Output, trial_id: str) -> None:
    """One trial and its evidence."""
    found = client().trial(trial_id)
    if out.json:
        out.value(found)
        return
    if out.quiet:
        out.line(found.id)
        return
    counts = found.counts
    out.facts(
        (
            Fact(name="trial", raw=found.id),
            Fact(name="state", raw=found.state.value, style=STYLES[found.state]),
            Fact(name="active", raw=_name(found.active)),
            Fact(name="candidate", raw=_name(found.candidate)),
            Fact(name="pairs", raw=counts.pairs, shown=f"{counts.pairs}, {counts.pending} waiting"),
            Fact(name="marked", raw=counts.marked),
            Fact(name="skipped", raw=counts.skipped),
            Fact(name="why", raw=_why(found)),
        )
    )
    if found.evidence is not None:
        print_evidence(out, found.evidence)
    for note in found.notes:
        out.say(note)


@trial.command(epilog=examples("modelhub trial pairs 3f9a01c2", "modelhub trial pairs 3f9a01c2 --content"))
@click.argument("trial_id", metavar="ID")
@click.option("--content", is_flag=True, help="Also question and answers, where they are kept.")
@output_options
def pairs(out: Output, trial_id: str, content: bool) -> None:
    """The requests that both were given, and what each made of them."""
    daemon = client()
    found = tuple(every(lambda after: daemon.trial_pairs(trial_id, content=content, limit=200, after=after)))
    out.items(found, PAIRS, lambda pair: pair.n)
    if content and not (out.json or out.quiet):
        for pair in found:
            if pair.content is not None:
                for which in ("question", "active", "candidate"):
                    out.line(f"{pair.n}\t{which}\t{plain(getattr(pair.content, which))}")


@trial.command(epilog=examples("modelhub trial blind 3f9a01c2", "modelhub trial blind 3f9a01c2 -o json"))
@click.argument("trial_id", metavar="ID")
@output_options
def blind(out: Output, trial_id: str) -> int:
    """Say which of two answers is better, without knowing whose is whose: keys 1, 2, t, b, q.

    With -o json the next pair is printed and nothing is marked.
    """
    if out.json:
        out.value(client().blind_pair(trial_id))
        return 0
    return mark_pairs(client(), out, trial_id)


@trial.command(epilog=examples("modelhub trial pause 3f9a01c2"))
@click.argument("trial_id", metavar="ID")
@output_options
def pause(out: Output, trial_id: str) -> None:
    """Sample nothing and ask the candidate nothing until it is resumed."""
    out.items([client().pause_trial(trial_id)], TRIALS, lambda one: one.id)


@trial.command(epilog=examples("modelhub trial resume 3f9a01c2"))
@click.argument("trial_id", metavar="ID")
@output_options
def resume(out: Output, trial_id: str) -> None:
    """Go on, also after it has paused by itself."""
    out.items([client().resume_trial(trial_id)], TRIALS, lambda one: one.id)


@trial.command(
    epilog=examples(
        "modelhub trial promote 3f9a01c2",
        "modelhub trial promote 3f9a01c2 --switch   and load it in place of what runs",
        "modelhub update --rollback qwen/qwen3-0.6b   the way back",
    )
)
@click.argument("trial_id", metavar="ID")
@click.option("--switch", is_flag=True, help="Load it in place of what runs; without, at the next load.")
@click.option("--dry-run", is_flag=True, help="Say whether it could be done, and on which evidence.")
@click.option("-y", "--yes", is_flag=True, help="Do not ask.")
@output_options
def promote(out: Output, trial_id: str, switch: bool, dry_run: bool, yes: bool) -> None:
    """The candidate becomes what the name means, with the settings of the old one, which is kept."""
    daemon = client()
    if not (yes or dry_run):
        seen = daemon.promote_trial(trial_id, dry_run=True)
        for words in seen.evidence.words if seen.evidence else ():
            out.say(words)
        ask(out, f"Shall {seen.active.model} mean {_name(seen.candidate)}?", "--yes")
    with waiting(out, "Giving it the name"):
        done = daemon.promote_trial(trial_id, switch="now" if switch else "next_load", dry_run=dry_run)
    out.items([done], TRIALS, lambda one: one.id)
    if not dry_run:
        out.say(f"Back: modelhub update --rollback {done.active.model}")


@trial.command(
    epilog=examples("modelhub trial remove 3f9a01c2", "modelhub trial remove 3f9a01c2 --candidate --yes")
)
@click.argument("trial_id", metavar="ID")
@click.option("--candidate", is_flag=True, help="Also the candidate's files.")
@click.option("-y", "--yes", is_flag=True, help="Do not ask.")
@output_options
def remove(out: Output, trial_id: str, candidate: bool, yes: bool) -> None:
    """End a trial: its pairs and all content go, the decision and its figures stay on record."""
    if not yes:
        what = "the trial and its candidate's files" if candidate else "the trial; both models stay"
        ask(out, f"Remove {what}?", "--yes")
    done = client().remove_trial(trial_id, remove_candidate=candidate)
    out.items([done], DECISIONS, lambda one: one.trial)


def _text_of(path: Path) -> str:
    try:
        if path.stat().st_size <= MOST_CHECKS:
            return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise Failed(
            f"{path} cannot be read: {error}", next_step="Name a checks file.", code=USAGE
        ) from error
    raise Failed(f"{path} is larger than a checks file may be.", next_step="Shorten it.", code=USAGE)
