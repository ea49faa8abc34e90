"""Makes the generated pages: `python docs/make.py [--check]`.

api.md and registry-api.md come from the route tables and the wire types, config.md from the settings'
structs, cli.md from the command line's own help, and the types of the web pages from the OpenAPI documents.
With --check nothing is written, and a page that differs is an error.
"""

import ast
import inspect
import json
import sys
import textwrap
from collections.abc import Iterable, Iterator, Sequence
from enum import Enum
from itertools import pairwise
from pathlib import Path
from typing import Any

import click
import msgspec

from modelhub_cli.main import cli
from modelhubd import settings
from modelhubd.api.routes import PREFIX, ROUTES
from modelhubd.api.routing import Access
from modelhubd.registry.routes import PREFIX as REGISTRY_PREFIX
from modelhubd.registry.routes import all_routes as registry_routes
from modelhubd.web.openapi import openapi
from modelhubd.web.routing import Route

ROOT = Path(__file__).parent.parent
MADE = "<!-- Made by docs/make.py; edit the code instead. -->\n"
ACCESS = {Access.OPEN: "open", Access.OWNER: "owner", Access.SOCKET: "socket only"}


def api_page() -> str:
    """The daemon's routes with who may use them."""
    return reference("The daemon's API", PREFIX, [(route, ACCESS[route.access]) for route in ROUTES])


def registry_page() -> str:
    """The registry's routes with the scopes of which a caller needs one."""
    rows = [
        (route, " or ".join(f"`{name}`" for name in route.scope) or "open") for route in registry_routes()
    ]
    return reference("The registry's API", REGISTRY_PREFIX, rows)


def reference(title: str, prefix: str, rows: Sequence[tuple[Route, str]]) -> str:
    """Every route, then every struct it takes or answers."""
    lines = [f"# {title}", MADE, "The machine-readable form is `GET /api/v1/openapi.json`.\n"]
    lines += ["| method | path | what | access | answers |", "|---|---|---|---|---|"]
    for route, access in rows:
        answer = f"{route.status} {type_name(route.answer) if route.answer is not None else ''}"
        lines.append(f"| {route.method} | `{prefix}{route.path}` | {route.summary} | {access} | {answer} |")
    for kind in sorted(structs_of([route for route, _ in rows]), key=lambda found: found.__name__):
        lines += ["", f"## {kind.__name__}", *struct_lines(kind)]
    return "\n".join(lines) + "\n"


def structs_of(routes: Iterable[Route]) -> set[type[msgspec.Struct]]:
    """Every struct that a route takes or answers, directly or inside another."""
    found: set[type[msgspec.Struct]] = set()

    def visit(kind: Any) -> None:
        if isinstance(kind, type) and issubclass(kind, msgspec.Struct) and kind not in found:
            found.add(kind)
            for field in msgspec.structs.fields(kind):
                visit(field.type)
        for part in getattr(kind, "__args__", ()):
            visit(part)

    for route in routes:
        for kind in (route.query, route.body, route.answer, *route.also):
            visit(kind)
    return found


def struct_lines(kind: type[msgspec.Struct]) -> Iterator[str]:
    """The struct's docstring and a table of its fields with their notes."""
    if kind.__doc__:
        yield " ".join(inspect.cleandoc(kind.__doc__).split())
    notes = field_notes(kind)
    yield ""
    yield "| field | type | default | |"
    yield "|---|---|---|---|"
    for field in msgspec.structs.fields(kind):
        default = "required" if field.required else default_of(field)
        yield f"| `{field.encode_name}` | {type_name(field.type)} | {default} | {notes.get(field.name, '')} |"


def default_of(field: msgspec.structs.FieldInfo) -> str:
    value = field.default if field.default is not msgspec.NODEFAULT else field.default_factory()
    if value is msgspec.UNSET:
        return "absent"
    return "`" + msgspec.json.encode(value).decode().replace("|", "\\|") + "`"


def type_name(kind: Any) -> str:
    """A type as readers know it: `integer ≥ 1`, `list of Option`."""
    if kind is type(None):
        return "null"
    names = {str: "string", int: "integer", float: "number", bool: "boolean", object: "any", Any: "any"}
    if kind in names:
        return names[kind]
    if isinstance(kind, type) and not hasattr(kind, "__metadata__"):
        is_struct = issubclass(kind, msgspec.Struct)
        return f"[{kind.__name__}](#{kind.__name__.lower()})" if is_struct else words(kind)
    if meta := getattr(kind, "__metadata__", None):
        bounds = ", ".join(
            f"{sign} {value}" for sign, value in (("≥", meta[0].ge), ("≤", meta[0].le)) if value is not None
        )
        return f"{type_name(kind.__origin__)} {bounds}".strip()
    origin = getattr(kind, "__origin__", None)
    arguments: tuple[Any, ...] = getattr(kind, "__args__", ())
    if origin is tuple:
        return f"list of {type_name(arguments[0])}"
    if origin is dict:
        return f"map to {type_name(arguments[1])}"
    if arguments and all(isinstance(part, str) for part in arguments):
        return " \\| ".join(f"`{part}`" for part in arguments)
    if origin is not None and isinstance(origin, type) and issubclass(origin, msgspec.Struct):
        return f"{origin.__name__} of {type_name(arguments[0])}"
    return " or ".join(type_name(part) for part in arguments if part is not msgspec.UnsetType)


def words(kind: type) -> str:
    """An enumeration's values."""
    return " \\| ".join(f"`{member.value}`" for member in kind) if issubclass(kind, Enum) else kind.__name__


def field_notes(kind: type) -> dict[str, str]:
    """The string that stands below a field in the class body."""
    notes: dict[str, str] = {}
    for parent in reversed(kind.__mro__):
        if parent in (object, msgspec.Struct) or parent.__module__ == "builtins":
            continue
        try:
            tree = ast.parse(textwrap.dedent(inspect.getsource(parent)))
        except (OSError, TypeError):
            continue
        body = tree.body[0].body if isinstance(tree.body[0], ast.ClassDef) else []
        for before, after in pairwise(body):
            if (
                isinstance(before, ast.AnnAssign)
                and isinstance(before.target, ast.Name)
                and isinstance(after, ast.Expr)
                and isinstance(after.value, ast.Constant)
            ):
                notes[before.target.id] = " ".join(str(after.value.value).split())
    return notes


def config_page() -> str:
    """Every key of config.toml with its default and environment variable."""
    lines = ["# Configuration", MADE]
    lines.append(
        "default < `config/config.toml` < saved through the API (limits of downloads, policies) < "
        "environment < command line < the administrator's file where it locks the key. "
        "An unknown key is an error.\n"
    )
    for name, section in settings.SECTIONS.items():
        lines += [f"## [{name}]", "", "| key | type | default | environment | |", "|---|---|---|---|---|"]
        notes = field_notes(section)
        for field in msgspec.structs.fields(section):
            lines.append(
                f"| `{field.name}` | {type_name(field.type)} | {default_of(field)} "
                f"| `MODELHUB_{name.upper()}_{field.name.upper()}` | {notes.get(field.name, '')} |"
            )
        lines.append("")
    return "\n".join(lines)


def cli_page() -> str:
    """The help of every command."""
    lines = ["# The command line", MADE]

    def visit(command: click.Command, path: str, parent: click.Context | None) -> None:
        context = click.Context(command, info_name=path.rpartition(" ")[2], parent=parent, terminal_width=80)
        lines.extend([f"## {path}", "", "```", command.get_help(context), "```", ""])
        if isinstance(command, click.Group):
            for name in command.list_commands(context):
                if (child := command.get_command(context, name)) is not None and not child.hidden:
                    visit(child, f"{path} {name}", context)

    visit(cli, "modelhub", None)
    return "\n".join(lines)


TYPESCRIPT = {
    "integer": "number",
    "number": "number",
    "string": "string",
    "boolean": "boolean",
    "null": "null",
}


def daemon_types() -> str:
    """What crosses the daemon's wire, for the scripts of the Hub page."""
    return types_of(openapi(ROUTES, title="", version="", prefix=PREFIX))


def registry_types() -> str:
    """What crosses the registry's wire, for the scripts of its console."""
    return types_of(openapi(registry_routes(), title="", version="", prefix=REGISTRY_PREFIX))


def types_of(document: dict[str, Any]) -> str:
    """TypeScript declarations of an OpenAPI document's components."""
    lines = ["// Made by docs/make.py; edit the wire types instead."]
    for full, schema in sorted(document["components"]["schemas"].items()):
        name = identifier(full)
        if "properties" not in schema:
            lines.append(f"export type {name} = {typescript(schema)};")
            continue
        lines.append(f"export interface {name} {{")
        accepted = schema.get("additionalProperties") is False
        for field, kind in schema["properties"].items():
            always = field in schema.get("required", ()) or ("default" in kind and not accepted)
            lines.append(f"  {field}{'' if always else '?'}: {typescript(kind)};")
        lines.append("}")
    return "\n".join(lines) + "\n"


def identifier(name: str) -> str:
    """A component's name; where two modules have one of the same name, the module's goes before it."""
    module, _, kind = name.rpartition(".")
    return module.rpartition(".")[2].capitalize() + kind


def typescript(schema: dict[str, Any] | bool) -> str:
    """A JSON schema as a TypeScript type."""
    if isinstance(schema, bool):
        return "any"
    if "$ref" in schema:
        return identifier(schema["$ref"].rpartition("/")[2])
    if "enum" in schema:
        return " | ".join(json.dumps(value) for value in schema["enum"])
    if "anyOf" in schema:
        return " | ".join(typescript(part) for part in schema["anyOf"])
    kind = schema.get("type")
    if kind == "array":
        return f"Array<{typescript(schema.get('items', {}))}>"
    if kind == "object":
        return f"{{ [name: string]: {typescript(schema.get('additionalProperties', {}))} }}"
    return TYPESCRIPT.get(kind, "any") if isinstance(kind, str) else "any"


PAGES = {
    "docs/api.md": api_page,
    "docs/registry-api.md": registry_page,
    "docs/config.md": config_page,
    "docs/cli.md": cli_page,
    "clients/web/types/daemon.d.ts": daemon_types,
    "clients/web/types/registry.d.ts": registry_types,
}


def main() -> int:
    """Write the pages, or compare them with --check."""
    check = "--check" in sys.argv[1:]
    stale = []
    for name, make in PAGES.items():
        path, text = ROOT / name, make()
        if check:
            stale += [] if path.exists() and path.read_text(encoding="utf-8") == text else [name]
        else:
            path.write_text(text, encoding="utf-8")
    if stale:
        print(f"{', '.join(stale)} differ from the code: run `make docs`.", file=sys.stderr)
    return 1 if stale else 0


if __name__ == "__main__":
    sys.exit(main())
