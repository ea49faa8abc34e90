"""templates: which models a workflow uses, and whether all of them are verified."""

import click

from modelhub_cli.output import Column, Fact, Output
from modelhub_cli.registry_access import model_of, registry_command
from modelhub_cli.teaching import examples
from modelhub_client import RegistryClient
from modelhubd.wire.registry import Template

TEMPLATES: tuple[Column[Template], ...] = (
    Column(title="id", raw=lambda template: template.id, style="bold"),
    Column(title="name", raw=lambda template: template.name, flexible=True),
    Column(
        title="compliant",
        raw=lambda template: template.compliant,
        shown=lambda template: "✓ compliant" if template.compliant else "✗ not compliant",
        style=lambda template: "green" if template.compliant else "red",
    ),
    Column(title="models", raw=lambda template: template.models, flexible=True, from_width=80),
    Column(title="not verified", raw=lambda template: template.unverified, flexible=True, from_width=100),
)

EXAMPLES = """\b
Examples:
  modelhub registry templates put support --name "Support desk" --model acme/tiny --model acme/embed
  modelhub registry templates show support
"""


@click.group(epilog=EXAMPLES)
def templates() -> None:
    """Workflow templates. One is compliant while every model it uses is verified."""


@templates.command("list", epilog=examples("modelhub registry templates list"))
@registry_command
def list_templates(out: Output, registry: RegistryClient) -> None:
    """All templates with their badges."""
    found = tuple(registry.every_template())
    out.items(found, TEMPLATES, lambda template: template.id)
    if not found:
        out.say("There are none.")


@templates.command("show", epilog=examples("modelhub registry templates show support"))
@click.argument("template_id", metavar="ID")
@registry_command
def show(out: Output, registry: RegistryClient, template_id: str) -> None:
    """One template: its models, and which of them are not verified."""
    _print(out, registry.template(template_id))


@templates.command(
    "put",
    epilog=examples(
        'modelhub registry templates put support --name "Support desk" --model acme/tiny --model acme/embed'
    ),
)
@click.argument("template_id", metavar="ID")
@click.option("--name", required=True, metavar="TEXT", help="Its name for people.")
@click.option(
    "--model", "models", required=True, multiple=True, metavar="MODEL", help="One that it uses; repeat it."
)
@click.option("--description", default="", metavar="TEXT")
@registry_command
def put(
    out: Output,
    registry: RegistryClient,
    template_id: str,
    name: str,
    models: tuple[str, ...],
    description: str,
) -> None:
    """Make a template, or say anew what it uses."""
    wanted = tuple(model_of(model) for model in models)
    _print(out, registry.put_template(template_id, name=name, models=wanted, description=description))


@templates.command("delete", epilog=examples("modelhub registry templates delete support"))
@click.argument("template_id", metavar="ID")
@registry_command
def delete(out: Output, registry: RegistryClient, template_id: str) -> None:
    """Remove a template."""
    registry.delete_template(template_id)
    out.say(f"{template_id} is removed.")


def _print(out: Output, template: Template) -> None:
    if out.json:
        out.value(template)
    elif out.quiet:
        out.line(template.id)
    else:
        out.facts(_facts(template))


def _facts(template: Template) -> tuple[Fact, ...]:
    badge = "✓ compliant" if template.compliant else "✗ not compliant"
    return (
        Fact(name="id", raw=template.id, style="bold"),
        Fact(name="name", raw=template.name),
        Fact(name="description", raw=template.description),
        Fact(
            name="compliant",
            raw=template.compliant,
            shown=badge,
            style="green" if template.compliant else "red",
        ),
        Fact(name="models", raw=template.models, shown=", ".join(template.models)),
        Fact(name="unverified", raw=template.unverified, shown=", ".join(template.unverified), style="red"),
        Fact(name="updated_at", raw=template.updated_at),
        Fact(name="updated_by", raw=template.updated_by),
    )
