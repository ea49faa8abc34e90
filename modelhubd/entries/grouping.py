"""Which files of a model belong together: each group becomes an option of the entry.

Names are all this looks at; what is in the files is read later.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from modelhubd.entries.quantizations import quantization_in, without_quantization
from modelhubd.trust.names import fault_in_file_name
from modelhubd.wire.catalog import Format, Role

_PART = re.compile(
    r"(?P<stem>.+)-(?P<index>[0-9]{5})-of-(?P<count>[0-9]{5})(?P<suffix>\.[a-z]+)", re.IGNORECASE
)
_PROJECTOR_ORDER = ("F16", "BF16", "F32", "Q8_0")
_BESIDE = (".json", ".model", ".jinja", ".tiktoken")
_TEXTS = ("merges.txt", "vocab.txt")
_NOT_WANTED = re.compile(
    r"params\.json|pytorch_model.*|.*\.index\.fp.*|consolidated.*|adapter_.*", re.IGNORECASE
)
PARTS_MAX = 512


class NotAModel(Exception):
    """The files are none that an entry can be made of; the message says why and what to do."""


@dataclass(frozen=True, slots=True)
class Member:
    """A file of an option. `name` is its path from the model's folder, parts joined by `/`."""

    name: str
    role: Role


@dataclass(frozen=True, slots=True)
class Group:
    """The files of one option, weights first. `label` is the quantization that the names give."""

    format: Format
    label: str | None
    members: tuple[Member, ...]

    @property
    def weights(self) -> tuple[str, ...]:
        """Names of the files that hold the model's tensors, in order."""
        return tuple(member.name for member in self.members if member.role in (Role.MODEL, Role.SHARD))


@dataclass(frozen=True, slots=True)
class Grouped:
    """The groups, and the names of model files that are in none, with the reason."""

    groups: tuple[Group, ...] = ()
    left_out: Mapping[str, str] = field(default_factory=dict)


def group(names: Iterable[str]) -> Grouped:
    """The options that these files are.

    Raises:
        NotAModel: there is no model among them, there are several, or a part of one is missing.
    """
    known = sorted(set(names))
    left_out: dict[str, str] = {}
    groups = [*_gguf(known, left_out), *_folder(known, left_out)]
    if not groups:
        raise NotAModel(
            "There is no model file here: a .gguf file, or .safetensors files beside a config.json."
        )
    for found in groups:
        for member in found.members:
            if (fault := fault_in_file_name(member.name, found.format)) is not None:
                raise NotAModel(f"{member.name!r} cannot be a file of a model: {fault}.")
    return Grouped(tuple(groups), left_out)


def siblings(name: str, names: Iterable[str]) -> tuple[str, ...]:
    """The parts that the file `name` is one of; the file alone where it is whole."""
    part = _PART.fullmatch(name)
    if part is None:
        return (name,)
    return tuple(
        sorted(
            other
            for other in names
            if (found := _PART.fullmatch(other)) is not None
            and (found["stem"], found["count"]) == (part["stem"], part["count"])
        )
    )


def _gguf(known: list[str], left_out: dict[str, str]) -> Iterator[Group]:
    found = [name for name in known if name.lower().endswith(".gguf")]
    projectors = [name for name in found if "mmproj" in _base(name)]
    models = []
    for name in found:
        if name in projectors:
            continue
        if "imatrix" in _base(name):
            left_out[name] = "it was used to quantize the model and is no model"
        elif re.search(r"(?:^|[-_.])draft(?:[-_.]|$)", _base(name)):
            left_out[name] = "it looks like a draft model, which is a model of its own"
        else:
            models.append(name)
    wholes = list(_wholes(models))
    _check_one_model(wholes)
    projector = min(projectors, key=_projector_rank, default=None)
    for name in projectors:
        if name != projector:
            left_out[name] = f"every option gets {projector}"
    beside = () if projector is None else (Member(projector, Role.PROJECTOR),)
    for stem, parts in wholes:
        yield Group(Format.GGUF, quantization_in(stem), (*_weights(parts), *beside))


def _folder(known: list[str], left_out: dict[str, str]) -> Iterator[Group]:
    top = [name for name in known if "/" not in name and not _NOT_WANTED.fullmatch(name)]
    weights = [name for name in top if name.lower().endswith(".safetensors")]
    for name in known:
        if name.lower().endswith(".safetensors") and name not in weights:
            left_out[name] = "it is not what the model is loaded from"
    if not weights:
        return
    if "config.json" not in top:
        raise NotAModel(
            "There are .safetensors files, but no config.json beside them that says what they are."
        )
    parts = [part for _, whole in _wholes(weights) for part in whole]
    beside = (
        Member(name, _role(name)) for name in top if name.lower().endswith(_BESIDE) or name.lower() in _TEXTS
    )
    yield Group(
        Format.SAFETENSORS, None, (*_weights(parts), *sorted(beside, key=lambda item: (item.role, item.name)))
    )


def _wholes(names: Iterable[str]) -> Iterator[tuple[str, list[str]]]:
    """(name without numbering and ending, its parts in order) of each whole file or complete set of parts."""
    sets: dict[tuple[str, int], dict[int, str]] = {}
    for name in names:
        part = _PART.fullmatch(name)
        if part is None:
            yield name.rpartition(".")[0], [name]
        else:
            sets.setdefault((part["stem"], int(part["count"])), {})[int(part["index"])] = name
    for (stem, count), parts in sorted(sets.items()):
        if not 1 <= count <= PARTS_MAX:
            raise NotAModel(f"{stem} claims {count} parts; a model has 1 to {PARTS_MAX}.")
        missing = sorted(set(range(1, count + 1)) - set(parts))
        if missing:
            raise NotAModel(f"Part {missing[0]} of {count} of {stem} is missing. Put all parts side by side.")
        yield stem, [parts[index] for index in sorted(parts)]


def _check_one_model(wholes: list[tuple[str, list[str]]]) -> None:
    common = {without_quantization(_base(stem)).casefold(): stem for stem, _ in wholes}
    if len(common) > 1:
        named = ", ".join(sorted(common.values())[:3])
        raise NotAModel(f"These are several models ({named}). Name each by itself, by its file.")


def _weights(parts: Iterable[str]) -> Iterator[Member]:
    for index, name in enumerate(parts):
        yield Member(name, Role.SHARD if index else Role.MODEL)


def _role(name: str) -> Role:
    is_tokenizer = "token" in name.lower() or name.lower() in ("merges.txt", "vocab.txt", "vocab.json")
    return Role.TOKENIZER if is_tokenizer else Role.CONFIG


def _projector_rank(name: str) -> tuple[int, str]:
    label = quantization_in(name.rpartition(".")[0]) or ""
    order = _PROJECTOR_ORDER.index(label) if label in _PROJECTOR_ORDER else len(_PROJECTOR_ORDER)
    return order, name


def _base(name: str) -> str:
    return name.rpartition("/")[2].casefold()
