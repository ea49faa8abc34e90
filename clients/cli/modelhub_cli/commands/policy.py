"""policy: what this machine may use."""

from typing import Any

import click

from modelhub_cli.complete import in_catalog, policy_names
from modelhub_cli.connect import client
from modelhub_cli.failures import REFUSED, USAGE, Failed
from modelhub_cli.output import Column, Output, output_options
from modelhub_cli.teaching import examples
from modelhubd.wire.governance import ModelStanding, TemplateStanding
from modelhubd.wire.policy import Policy, PolicyList, PolicySwitch

YES, NO = frozenset({"yes", "true", "on", "1"}), frozenset({"no", "false", "off", "0"})
Line = tuple[str, PolicySwitch | PolicyList]


def _value(found: PolicySwitch | PolicyList) -> str:
    if isinstance(found, PolicyList):
        return ", ".join(found.value) or "all"
    return "yes" if found.value else "no"


POLICIES: tuple[Column[Line], ...] = (
    Column(title="policy", raw=lambda line: line[0], style="bold"),
    Column(title="value", raw=lambda line: line[1].value, shown=lambda line: _value(line[1]), flexible=True),
    Column(
        title="from",
        raw=lambda line: line[1].source,
        style=lambda line: "dim" if line[1].source == "default" else "cyan",
    ),
    Column(
        title="locked",
        raw=lambda line: line[1].locked,
        shown=lambda line: "locked" if line[1].locked else "",
        style="yellow",
    ),
)
STANDINGS: tuple[Column[ModelStanding], ...] = (
    Column(title="model", raw=lambda standing: standing.model, style="bold"),
    Column(
        title="stands",
        raw=lambda standing: standing.code.value,
        shown=lambda standing: standing.code.value.replace("_", " "),
    ),
    Column(title="verified", raw=lambda standing: standing.verified),
    Column(title="allowed", raw=lambda standing: standing.allowed),
    Column(title="reason", raw=lambda standing: standing.reason, flexible=True),
)
TEMPLATES: tuple[Column[TemplateStanding], ...] = (
    Column(title="template", raw=lambda template: template.id, style="bold"),
    Column(title="name", raw=lambda template: template.name, flexible=True),
    Column(title="compliant", raw=lambda template: template.compliant),
    Column(title="allowed", raw=lambda template: template.allowed),
)
EXAMPLES = """\b
Examples:
  modelhub policy                                    what is in force, and who says so
  modelhub policy set require_verified yes
  modelhub policy set allowed_publishers qwen google
  modelhub policy reset offline                      leave it to config.toml and the default
  modelhub policy check qwen/qwen3-8b google/gemma-3-4b
"""


@click.group(invoke_without_command=True, epilog=EXAMPLES)
@output_options
def policy(out: Output) -> None:
    """What this machine may use. A change is at once in force and kept."""
    if click.get_current_context().invoked_subcommand is None:
        _show(out, client().policy())


@policy.command(epilog=examples("modelhub policy show", "modelhub policy show -o json | jq .offline"))
@output_options
def show(out: Output) -> None:
    """Every policy, its value and who says so; the same as without a command."""
    _show(out, client().policy())


@policy.command(
    "set",
    epilog=examples(
        "modelhub policy set require_verified yes", "modelhub policy set allowed_publishers qwen google"
    ),
)
@click.argument("key", shell_complete=policy_names)
@click.argument("values", nargs=-1, required=True)
@output_options
def set_policy(out: Output, key: str, values: tuple[str, ...]) -> None:
    """Set a policy: yes or no, or the publishers that are allowed."""
    _known(key)
    value: Any = tuple(part for text in values for part in text.split(",") if part)
    if key != "allowed_publishers":
        word = values[0].lower()
        if len(values) > 1 or word not in YES | NO:
            raise Failed(f"{key} is yes or no.", next_step=f"modelhub policy set {key} yes", code=USAGE)
        value = word in YES
    _show(out, client().change_policy(**{key: value}))


@policy.command(epilog=examples("modelhub policy reset offline"))
@click.argument("key", shell_complete=policy_names)
@output_options
def reset(out: Output, key: str) -> None:
    """Forget what was set here: the configuration, or the default, decides again."""
    _known(key)
    _show(out, client().change_policy(**{key: None}))


@policy.command(
    epilog=examples(
        "modelhub policy check qwen/qwen3-8b google/gemma-3-4b",
        "modelhub policy check acme/tiny -q || echo 'not here'",
    )
)
@click.argument("models", nargs=-1, required=True, metavar="MODEL...", shell_complete=in_catalog)
@output_options
def check(out: Output, models: tuple[str, ...]) -> int:
    """Whether models are approved, verified and allowed here; exit code 7 if one may not be used."""
    found = client().governance_check(models)
    if out.json:
        out.value(found)
    else:
        out.items(found.items, STANDINGS, lambda standing: standing.model)
    return 0 if all(standing.allowed for standing in found.items) else REFUSED


@policy.command(
    epilog=examples(
        "modelhub policy templates",
        "modelhub policy templates -o json | jq '.items[] | select(.compliant | not)'",
    )
)
@output_options
def templates(out: Output) -> None:
    """Workflow templates and whether all of their models are verified and allowed here."""
    found = client().governance_templates()
    if out.json:
        out.value(found)
    else:
        out.items(found.items, TEMPLATES, lambda template: template.id)


def _known(key: str) -> None:
    if key not in Policy.__struct_fields__:
        from difflib import get_close_matches

        near = get_close_matches(key, Policy.__struct_fields__, n=1, cutoff=0.3)
        hint = f"Did you mean {near[0]}?" if near else "modelhub policy shows all."
        raise Failed(f"There is no policy {key}.", next_step=hint, code=USAGE)


def _show(out: Output, found: Policy) -> None:
    if out.json:
        out.value(found)
    else:
        lines = [(key, getattr(found, key)) for key in Policy.__struct_fields__]
        out.items(lines, POLICIES, lambda line: line[0])
