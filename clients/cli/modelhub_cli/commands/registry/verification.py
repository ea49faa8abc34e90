"""verify, unverify: the mark of an administrator, and what it does to templates."""

from collections.abc import Callable

import click

from modelhub_cli.output import Column, Output
from modelhub_cli.registry_access import model_of, registry_command
from modelhub_cli.teaching import examples
from modelhub_client import RegistryClient
from modelhubd.wire.registry import TemplateState, VerificationChanged

Before = dict[str, bool]


@click.command(epilog=examples("modelhub registry verify acme/tiny"))
@click.argument("model", metavar="MODEL")
@registry_command
def verify(out: Output, registry: RegistryClient, model: str) -> None:
    """Mark a served model as verified; templates that use only verified models become compliant."""
    _toggle(out, registry, model_of(model), registry.verify)


@click.command(epilog=examples("modelhub registry unverify acme/tiny"))
@click.argument("model", metavar="MODEL")
@registry_command
def unverify(out: Output, registry: RegistryClient, model: str) -> None:
    """Take the mark away; templates that use the model are not compliant any more, from this moment."""
    _toggle(out, registry, model_of(model), registry.unverify)


def _toggle(
    out: Output, registry: RegistryClient, model: str, act: Callable[[str], VerificationChanged]
) -> None:
    before = {
        template.id: template.compliant for template in registry.every_template() if model in template.models
    }
    changed = act(model)
    if out.json:
        out.value(changed)
        return
    out.items(changed.templates, _columns(before), lambda state: state.id)
    mark = "verified" if changed.verified else "not verified"
    out.say(f"{model} is {mark}." if changed.changed else f"{model} was {mark} already.")


def _columns(before: Before) -> tuple[Column[TemplateState], ...]:
    return (
        Column(title="template", raw=lambda state: state.id, style="bold", flexible=True),
        Column(
            title="before",
            raw=lambda state: before.get(state.id),
            shown=lambda state: _badge(before[state.id]) if state.id in before else "",
        ),
        Column(
            title="now",
            raw=lambda state: state.compliant,
            shown=lambda state: _badge(state.compliant),
            style=lambda state: "green" if state.compliant else "red",
        ),
    )


def _badge(compliant: bool) -> str:
    return "✓ compliant" if compliant else "✗ not compliant"
