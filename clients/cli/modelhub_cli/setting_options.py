"""The options that stand for load settings, alike for every command that takes them."""

from collections.abc import Callable
from typing import Any, ParamSpec, TypeVar, get_args

import click

from modelhubd.wire.servers import KvType, LoadSettings

P = ParamSpec("P")
T = TypeVar("T")

SWITCH = ("auto", "on", "off")
KV_TYPES = get_args(KvType)


class Layers(click.ParamType[int | str]):
    """`auto`, `all` or a number of layers."""

    name = "N|auto|all"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int | str:
        text = str(value)
        if text in ("auto", "all"):
            return text
        if not text.isascii() or not text.isdigit() or int(text) > 999:
            self.fail(f"{text!r} is neither auto, all, nor a number from 0 to 999.", param, ctx)
        return int(text)


_OPTIONS = (
    click.option(
        "--ctx",
        metavar="N",
        type=click.IntRange(0, 16_777_216),
        help="Context length in tokens; 0 is the model's own.",
    ),
    click.option("--gpu-layers", metavar="N|auto|all", type=Layers(), help="Layers on the GPU."),
    click.option("--threads", metavar="N", type=click.IntRange(1, 1024), help="Processor threads."),
    click.option("--flash-attn", "flash_attention", type=click.Choice(SWITCH), help="Flash attention."),
    click.option(
        "--kv-type",
        metavar="TYPE",
        type=click.Choice(KV_TYPES),
        help=f"Type of the KV cache: {', '.join(KV_TYPES)}.",
    ),
    click.option("--kv-type-k", metavar="TYPE", type=click.Choice(KV_TYPES), help="Of the keys only."),
    click.option("--kv-type-v", metavar="TYPE", type=click.Choice(KV_TYPES), help="Of the values only."),
    click.option("--reasoning", type=click.Choice(SWITCH), help="Whether the model may think first."),
    click.option(
        "--reasoning-budget",
        metavar="N",
        type=click.IntRange(-1, 1_000_000),
        help="Tokens it may think; -1 is no limit.",
    ),
    click.option("--parallel", metavar="N", type=click.IntRange(1, 256), help="Requests at a time."),
    click.option("--batch", metavar="N", type=click.IntRange(1, 65_536), help="Prompt tokens per step."),
    click.option("--mmap/--no-mmap", default=None, help="Map the file instead of reading it."),
    click.option("--mlock/--no-mlock", default=None, help="Keep it from being swapped out."),
    click.option("--seed", metavar="N", type=click.IntRange(0, 4_294_967_295), help="Of the random numbers."),
    click.option(
        "--ttl",
        "ttl_s",
        metavar="SECONDS",
        type=click.IntRange(-1),
        help="How long it stays when idle; -1 is for ever.",
    ),
)


def setting_options(command: Callable[P, T]) -> Callable[P, T]:
    """Adds an option for each setting; what is given comes by its names, for `settings_of`."""
    for option in reversed(_OPTIONS):
        command = option(command)
    return command


def settings_of(given: dict[str, Any]) -> LoadSettings:
    """The settings that were given. `--kv-type` stands for both halves."""
    both = given.pop("kv_type")
    given["kv_type_k"] = given["kv_type_k"] or both
    given["kv_type_v"] = given["kv_type_v"] or both
    return LoadSettings(**given)
