"""How `show` prints a model."""

from modelhub_cli import words
from modelhub_cli.failures import NOT_FOUND, Failed
from modelhub_cli.fit_columns import FIT, NEEDS
from modelhub_cli.output import Column, Fact, Output
from modelhubd.trust.names import Reference
from modelhubd.wire.catalog import JudgedOption, ModelDetail, OptionFile

OPTIONS: tuple[Column[JudgedOption], ...] = (
    Column(title="option", raw=lambda option: option.id, style="bold", flexible=True),
    FIT,
    Column(
        title="size",
        raw=lambda option: option.size_bytes,
        shown=lambda option: words.size(option.size_bytes),
        right=True,
    ),
    NEEDS,
    Column(title="format", raw=lambda option: option.format.value, from_width=100),
    Column(title="quantization", raw=lambda option: option.quantization, from_width=90),
    Column(
        title="digest",
        raw=lambda option: option.digest,
        shown=lambda option: "unverified" if option.unverified else "sha256",
        style=lambda option: "yellow" if option.unverified else "dim",
        from_width=80,
    ),
    Column(
        title="here",
        raw=lambda option: option.installed,
        shown=lambda option: "installed" if option.installed else "",
        style="green",
    ),
)

FILES: tuple[Column[tuple[JudgedOption, OptionFile]], ...] = (
    Column(title="option", raw=lambda row: row[0].id),
    Column(title="file", raw=lambda row: row[1].name, flexible=True, style="bold"),
    Column(title="role", raw=lambda row: row[1].role.value, from_width=110),
    Column(
        title="size",
        raw=lambda row: row[1].size_bytes,
        shown=lambda row: words.size(row[1].size_bytes),
        right=True,
    ),
    Column(
        title="sha256", raw=lambda row: row[1].sha256, shown=lambda row: _short(row[1].sha256), style="dim"
    ),
)


def options_of(model: ModelDetail, wanted: Reference) -> tuple[JudgedOption, ...]:
    """Those that are meant.

    Raises:
        Failed: the catalog has no such version or option.
    """
    if wanted.version not in (None, model.version):
        raise Failed(
            f"The catalog has version {model.version} of {model.id}, not {wanted.version}.",
            next_step=f"What came before: modelhub show {model.id} --versions",
            code=NOT_FOUND,
        )
    options = tuple(option for option in model.options if wanted.option in (None, option.id))
    if not options:
        names = ", ".join(option.id for option in model.options)
        raise Failed(
            f"{model.id} has no option {wanted.option}.", next_step=f"It has: {names}", code=NOT_FOUND
        )
    return options


def print_model(out: Output, model: ModelDetail, wanted: Reference, *, files: bool) -> None:
    """The entry, or with `files` the files of its options."""
    options = options_of(model, wanted)
    if files:
        rows = tuple((option, file) for option in options for file in option.files)
        if out.json:
            out.value([{"option": option.id, "file": file} for option, file in rows])
        else:
            out.items(rows, FILES, lambda row: row[1].name)
    elif out.json:
        out.value(model)
    elif out.quiet:
        for option in options:
            out.line(words.reference(model.id, model.version, option.id))
    elif out.terminal:
        _print_for_people(out, model, options)
    else:
        out.facts(_facts(model))
        for option in options:
            out.line("option\t" + "\t".join(_cells(option)))


def _cells(option: JudgedOption) -> list[str]:
    from modelhub_cli.output import plain

    return [plain(column.raw(option)) for column in OPTIONS]


def _print_for_people(out: Output, model: ModelDetail, options: tuple[JudgedOption, ...]) -> None:
    from modelhub_cli.output import plain
    from modelhub_cli.tables import print_text

    print_text(out, f"{plain(model.display_name)} · {model.id}", "bold")
    if model.description:
        print_text(out, plain(model.description))
    out.line()
    out.facts(_facts(model))
    out.line()
    out.items(options, OPTIONS, lambda option: option.id)
    out.line()
    chosen = next((option for option in options if option.id == model.best_option), options[0])
    print_text(out, f"{words.badge(chosen.fit)}: {plain(chosen.fit.reason)}", words.badge_style(chosen.fit))
    if chosen.fit.assumes is not None:
        assumed = (
            f"for {chosen.fit.assumes.ctx} tokens of context, KV cache {plain(chosen.fit.assumes.kv_type)}"
        )
        print_text(out, f"{chosen.id}, {assumed}", "dim")
    if not chosen.installed:
        out.say(f"\nGet it: modelhub pull {model.id}" + (f":{chosen.id}" if len(options) == 1 else ""))
    else:
        out.say(f"\nRun it: modelhub load {model.id}")


def _facts(model: ModelDetail) -> list[Fact]:
    license_name = model.license.spdx or model.license.name
    terms = [
        term
        for term, holds in (
            ("not for commercial use", model.license.commercial is False),
            ("terms must be accepted at the source", model.license.gated is True),
        )
        if holds
    ]
    parameters = words.count(model.parameters)
    if model.active_parameters:
        parameters += f", {words.count(model.active_parameters)} active"
    requires = [f"{app} {spec}" for app, spec in model.requires.app.items()]
    requires += [f"daemon {model.requires.daemon}"] if model.requires.daemon else []
    requires += [f"llama-server {model.requires.llama_server}"] if model.requires.llama_server else []
    seal = {True: " ✓ verified", False: ""}[model.verified]
    return [
        Fact(name="id", raw=model.id, shown=""),
        Fact(name="publisher", raw=model.publisher, shown=f"{model.publisher}{seal}"),
        Fact(
            name="version",
            raw=model.version,
            shown=f"{model.version}" + (f", {model.published_at[:10]}" if model.published_at else ""),
        ),
        Fact(name="parameters", raw=model.parameters, shown=parameters),
        Fact(name="context", raw=model.context_length, shown=words.context(model.context_length)),
        Fact(name="capabilities", raw=model.capabilities, shown=", ".join(model.capabilities)),
        Fact(name="license", raw=license_name, shown=" · ".join([license_name or "unknown", *terms])),
        Fact(name="based_on", raw=model.base_model, shown=model.base_model or ""),
        Fact(name="tags", raw=model.tags, shown=", ".join(model.tags)),
        Fact(name="homepage", raw=model.homepage, shown=model.homepage or ""),
        Fact(name="requires", raw=requires, shown=", ".join(requires)),
        Fact(name="held_back", raw=model.held_back, shown=_held_back(model), style="yellow"),
        Fact(name="refused", raw=model.refusal, shown=model.refusal or "", style="red"),
        Fact(name="source", raw=model.source, shown=_source(model.source)),
        Fact(name="default_option", raw=model.best_option, shown=model.best_option or "none fits: see below"),
        Fact(
            name="installed",
            raw=model.installed_versions,
            shown=", ".join(f"version {version}" for version in model.installed_versions),
            style="green",
        ),
    ]


def _source(source: str) -> str:
    return {
        "floor": "embedded catalog",
        "local": "your own catalog.d",
        "direct": "its address; nobody has verified it",
    }.get(source, source)


def _short(digest: str | None) -> str:
    return "none" if digest is None else f"{digest[:16]}…"


def _held_back(model: ModelDetail) -> str:
    if model.held_back is None or model.usable_version is None:
        return model.held_back or ""
    return f"{model.held_back} Version {model.usable_version} is downloaded instead."
