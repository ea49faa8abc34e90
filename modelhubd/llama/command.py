"""The command line and environment of one llama-server, for what its build understands."""

import re
from collections.abc import Mapping

import msgspec

from modelhubd.wire.servers import LoadSettings

INHERITED = (
    "HOME", "PATH", "LANG", "LC_ALL", "TMPDIR", "LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH",
    "CUDA_VISIBLE_DEVICES", "CUDA_PATH", "HIP_VISIBLE_DEVICES", "ROCR_VISIBLE_DEVICES",
    "HSA_OVERRIDE_GFX_VERSION", "VK_ICD_FILENAMES", "VK_DRIVER_FILES", "ONEAPI_DEVICE_SELECTOR",
)  # fmt: skip
"""Variables a server may inherit: to run at all, and to find its devices. Never its own options."""

INSTANCE_VARIABLE = "MODELHUB_INSTANCE"
NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:@/-]{0,255}")
"""Names a server may be given: no comma, which would make two of it, and no leading dash."""


class Options(msgspec.Struct, frozen=True, kw_only=True):
    """What a build's `--help` lists: option names, and the help text for what is said in words."""

    names: frozenset[str]
    text: str = ""

    @property
    def levels(self) -> bool:
        """Whether level 4 of its log names the buffers and says little of each request: where 5 is debug."""
        return re.search(r"--log-verbosity(?:(?!\n-).)*5(?:: | \()debug", self.text, re.DOTALL) is not None

    @property
    def sockets(self) -> bool:
        """Whether it can listen on a Unix socket."""
        return ".sock" in self.text


class Endpoint(msgspec.Struct, frozen=True, kw_only=True):
    """Where a server listens: a Unix socket, or a loopback port with a key."""

    socket: str | None = None
    port: int = 0
    api_key: str | None = None

    @property
    def url(self) -> str:
        return "http://llama-server" if self.socket else f"http://127.0.0.1:{self.port}"


class Command(msgspec.Struct, frozen=True, kw_only=True):
    """`unknown` names the settings that this build has no option for."""

    arguments: tuple[str, ...]
    environment: dict[str, str]
    unknown: tuple[str, ...] = ()


def command(
    options: Options,
    settings: LoadSettings,
    *,
    model: str,
    name: str,
    endpoint: Endpoint,
    instance: str,
    environ: Mapping[str, str],
    projector: str | None = None,
    embeddings: bool = False,
    ranks: bool = False,
) -> Command:
    """Everything after the program's own name, and its whole environment.

    `model` and `projector` are absolute paths. Raises: ValueError for a name that is none.
    """
    if not NAME.fullmatch(name):
        raise ValueError(f"{name!r} cannot name a server")
    unknown: list[str] = []
    arguments = [
        "-m", model,
        "--host", endpoint.socket or "127.0.0.1",
        *(("--port", str(endpoint.port)) if endpoint.socket is None else ()),
        *_known(options, ("--alias", name)),
        "-c", str(settings.ctx or 0),
        "-np", str(settings.parallel or 1),
        *(("-t", str(settings.threads)) if settings.threads else ()),
        *_known(options, ("--cache-ram", "0")),
        *_known(options, ("--no-ui",), ("--no-webui",)),
        *_known(options, ("--offline",)),
        *_known(options, ("--metrics",)),
        *(("-lv", "4") if options.levels else ()),
        *_known(options, ("--slots",)),
        *_known(options, ("--jinja",)),
    ]  # fmt: skip
    if projector:
        arguments += _known(options, ("--mmproj", projector))
    if ranks:
        arguments += _known(options, ("--rerank",), ("--reranking",))
    elif embeddings:
        arguments += _known(options, ("--embeddings",), ("--embedding",))
    for setting, forms in _wanted(options, settings):
        found = _known(options, *forms)
        if not found:
            unknown.append(setting)
        arguments += found
    environment = {key: environ[key] for key in INHERITED if environ.get(key)}
    environment.setdefault("HOME", "/")
    environment["LLAMA_SERVER_ROUTER_PORT"] = "1"  # newer builds then end when their stdin does
    environment[INSTANCE_VARIABLE] = instance
    if endpoint.api_key:
        environment["LLAMA_API_KEY"] = endpoint.api_key
    return Command(arguments=tuple(arguments), environment=environment, unknown=tuple(unknown))


Form = tuple[str, ...]
Want = tuple[str, list[Form]]
"""A setting, and the forms of its option, newest first."""


def _known(options: Options, *forms: Form) -> Form:
    """The first form whose option the build lists."""
    return next((form for form in forms if form[0] in options.names), ())


def _wanted(options: Options, settings: LoadSettings) -> list[Want]:
    """Each setting that asks for more than the build's default."""
    wanted: list[Want] = []
    if settings.gpu_layers not in (None, "auto"):
        layers = settings.gpu_layers
        if layers == "all" and "'all'" not in options.text:
            layers = 999
        wanted.append(("gpu_layers", [("-ngl", str(layers))]))
    if flash := _flash_attention(options, settings):
        wanted.append(("flash_attention", [flash]))
    if settings.kv_type_k not in (None, "f16"):
        wanted.append(("kv_type_k", [("-ctk", str(settings.kv_type_k))]))
    if settings.kv_type_v not in (None, "f16"):
        wanted.append(("kv_type_v", [("-ctv", str(settings.kv_type_v))]))
    if settings.batch is not None:
        wanted.append(("batch", [("-b", str(settings.batch))]))
    if settings.seed is not None:
        wanted.append(("seed", [("--seed", str(settings.seed))]))
    return wanted + _memory(options, settings) + _reasoning(options, settings)


def _flash_attention(options: Options, settings: LoadSettings) -> Form:
    """Older builds have a switch that is off unless said, and do not turn it on where a V cache needs it."""
    asked = settings.flash_attention
    if re.search(r"--flash-attn \S", options.text):
        return ("-fa", asked) if asked in ("on", "off") else ()
    needed = str(settings.kv_type_v).startswith(("q", "iq"))
    return ("-fa",) if asked == "on" or (needed and asked != "off") else ()


def _memory(options: Options, settings: LoadSettings) -> list[Want]:
    mapped, locked = settings.mmap is not False, bool(settings.mlock)
    if "-lm" in options.names:
        if mapped:
            return [("mlock", [("-lm", "mmap+mlock")])] if locked else []
        return [("mmap", [("-lm", "mlock" if locked else "none")])]
    wanted: list[Want] = []
    if not mapped:
        wanted.append(("mmap", [("--no-mmap",)]))
    if locked:
        wanted.append(("mlock", [("--mlock",)]))
    return wanted


def _reasoning(options: Options, settings: LoadSettings) -> list[Want]:
    wanted: list[Want] = []
    if settings.reasoning == "off":
        wanted.append(("reasoning", [("--reasoning", "off"), ("--reasoning-budget", "0")]))
    elif settings.reasoning == "on":
        wanted.append(("reasoning", [("--reasoning", "on")]))
    budget = settings.reasoning_budget
    if budget is not None and settings.reasoning != "off":
        switch_only = "currently only one of" in options.text  # of -1 and 0; other numbers end the program
        forms: list[Form] = [] if switch_only and budget > 0 else [("--reasoning-budget", str(budget))]
        wanted.append(("reasoning_budget", forms))
    return wanted
