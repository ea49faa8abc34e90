"""What a table says of whether an option fits."""

from modelhub_cli import words
from modelhub_cli.output import Column
from modelhubd.wire.catalog import JudgedOption

FIT: Column[JudgedOption] = Column(
    title="fit",
    raw=lambda option: option.fit.verdict.value,
    shown=lambda option: words.badge(option.fit),
    style=lambda option: words.badge_style(option.fit),
)
NEEDS: Column[JudgedOption] = Column(
    title="needs",
    raw=lambda option: option.fit.needed_bytes,
    shown=lambda option: words.size(option.fit.needed_bytes),
    right=True,
)
