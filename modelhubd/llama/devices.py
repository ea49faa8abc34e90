"""Which part of a load each graphics card takes. Pure.

llama.cpp splits the layers, with the cache that belongs to each, over the cards by their free memory; the
output layer counts as one more. With `auto` it leaves out layers until every card keeps 1 GiB. Compute
buffers and the cache of a layer go where the layer goes. Source: common/fit.cpp and llama-model.cpp of
llama.cpp b11434. Where llama-fit-params was asked, its figures are taken instead.
"""

from collections.abc import Sequence

from modelhubd.llama.fit_params import HOST
from modelhubd.llama.memory import Need
from modelhubd.wire.device import Gpu
from modelhubd.wire.servers import DeviceShare

MARGIN_BYTES = 1024**3
"""What llama.cpp leaves free on each card when it decides itself."""
WHOLE = 999
"""More layers than any model has."""


def shares(
    need: Need,
    gpus: Sequence[Gpu],
    n_layers: int | None,
    gpu_layers: int | str | None,
) -> tuple[DeviceShare, ...]:
    """What each card would take, in the cards' order; the rest is in main memory. Cards that share the main
    memory are left out, and all are where nothing goes to cards."""
    cards = [gpu for gpu in gpus if not gpu.unified]
    if not cards or gpu_layers == 0:
        return ()
    if told := {figure.device: figure.total_bytes for figure in need.figures if figure.device != HOST}:
        return tuple(_share(card, told.get(card.id, 0)) for card in cards)
    moved = need.weights_bytes + need.kv_bytes + need.compute_bytes
    auto = gpu_layers in (None, "auto")
    room = [max(0, card.free_bytes - (MARGIN_BYTES if auto else 0)) for card in cards]
    layers = (n_layers or WHOLE) + 1
    wanted = min(gpu_layers, layers) if isinstance(gpu_layers, int) else layers
    if auto:
        wanted = min(wanted, layers * sum(room) // max(moved, 1))
    on_cards = moved * wanted // layers
    free = [card.free_bytes for card in cards]
    parts = free if any(free) else [1] * len(cards)
    return tuple(_share(card, on_cards * part // sum(parts)) for card, part in zip(cards, parts, strict=True))


def _share(card: Gpu, needed: int) -> DeviceShare:
    return DeviceShare(
        id=card.id,
        name=card.name,
        needed_bytes=needed,
        free_bytes=card.free_bytes,
        total_bytes=card.total_bytes,
        fits=needed <= card.free_bytes,
    )
