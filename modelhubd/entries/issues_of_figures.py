"""Issues of the figures of a version: its shape, its context, what it requires."""

from collections.abc import Iterator

from modelhubd.entries.reading import escaped
from modelhubd.fit.estimate import estimate
from modelhubd.wire.catalog import CatalogEntry, Requires
from modelhubd.wire.registry import Issue, Severity

PROBE_CTX = 4096


def issues_of_figures(entry: CatalogEntry) -> Iterator[Issue]:
    """What the figures leave open or contradict."""
    if estimate(entry.architecture, 1, ctx=PROBE_CTX) is None:
        yield _warning(
            "architecture_without_figures", "/architecture",
            "without its figures (layers, heads, sizes) no machine can say whether the model fits",
        )  # fmt: skip
    own, stated = entry.architecture.context_length, entry.context_length
    if own is not None and stated is not None and stated > own:
        yield _warning(
            "context_exceeds_architecture", "/context_length",
            f"{stated} tokens are stated, but the architecture was trained for {own}",
        )  # fmt: skip
    most = stated or own
    if most is not None and entry.settings.ctx is not None and entry.settings.ctx > most:
        yield _warning(
            "context_exceeds_architecture", "/settings/ctx",
            f"{entry.settings.ctx} tokens are recommended, but the model has {most}",
        )  # fmt: skip
    if entry.parameters is not None and (entry.active_parameters or 0) > entry.parameters:
        yield _warning(
            "implausible_figures", "/active_parameters",
            f"{entry.active_parameters} are active of only {entry.parameters}",
        )  # fmt: skip
    yield from _requirements(entry.requires)


def _requirements(requires: Requires) -> Iterator[Issue]:
    stated = {f"/requires/app/{escaped(app)}": text for app, text in requires.app.items()}
    own = {"/requires/daemon": requires.daemon, "/requires/llama_server": requires.llama_server}
    for pointer, text in (own | stated).items():
        if text is not None and not _is_specifier(text):
            yield Issue(
                code="unreadable_requirement", severity=Severity.ERROR, pointer=pointer,
                message=f"{text!r} is no PEP 440 specifier, such as '>=2.1,<3'",
            )  # fmt: skip


def _is_specifier(text: str) -> bool:
    from packaging.specifiers import InvalidSpecifier, SpecifierSet  # only a publish needs it

    try:
        SpecifierSet(text)
    except InvalidSpecifier:
        return False
    return True


def _warning(code: str, pointer: str, message: str) -> Issue:
    return Issue(code=code, severity=Severity.WARNING, pointer=pointer, message=message)
