"""The built-in llama-server: llama-server's own options in front of the xllamacpp wheel's server.

``python -m modelhubd.llama.builtin -m MODEL --host /path/x.sock`` behaves as ``llama-server``
does, for the options that ``--help`` lists and no others. It imports nothing of modelhubd, so
that it may be run by its path and starts at once.

- Listens on TCP or on a Unix socket (a host that ends in ``.sock``), as llama.cpp itself does.
- The request key comes from ``LLAMA_API_KEY``; no other ``LLAMA_*`` variable sets an option.
- Loading holds the interpreter lock, so SIGTERM keeps its default action until the model is up.
- With ``LLAMA_SERVER_ROUTER_PORT`` set, load progress is reported on stdout and the process ends
  when stdin does (while a model loads: as soon as it is loaded).
- Exit status: 0 after SIGTERM or SIGINT, 1 for a bad option, a failed load or the end of stdin.
"""

import os
import select
import signal
import sys
from collections.abc import Callable, Sequence
from importlib import import_module
from types import ModuleType
from typing import Any, NamedTuple

EXIT_LIMIT_S = 5
KV_TYPES = ("f32", "f16", "bf16", "q8_0", "q4_0", "q4_1", "iq4_nl", "q5_0", "q5_1")
LOAD_MODES = ("auto", "none", "mmap", "mlock", "mmap+mlock", "dio")
POOLINGS = ("none", "mean", "cls", "last", "rank")
SWITCH = ("on", "off", "auto")

Native = Any
"""xllamacpp and its objects: an extension module without type information."""


class BadOption(Exception):
    """An option or a value that this server does not take; the message names it."""


class Option(NamedTuple):
    """One option: its names, the placeholder of its value (None: a flag), help, and effect."""

    names: tuple[str, ...]
    value: str | None
    help: str
    apply: Callable[[Native, Native, str], None]
    allowed: tuple[str, ...] = ()


def _field(path: str, kind: Callable[[str], Any] = str) -> Callable[[Native, Native, str], None]:
    """Set the attribute at the dotted path to what kind makes of the value."""
    *owners, name = path.split(".")

    def apply(_: Native, params: Native, value: str) -> None:
        for owner in owners:
            params = getattr(params, owner)
        setattr(params, name, kind(value))

    return apply


def _fixed(path: str, fixed: object) -> Callable[[Native, Native, str], None]:
    return _field(path, lambda _: fixed)


def _names(value: str) -> set[str]:
    return {name for name in value.split(",") if name}


def _hosts(value: str) -> list[str]:
    return [host for host in value.split(",") if host]


def _threads(_: Native, params: Native, value: str) -> None:
    params.cpuparams.n_threads = int(value)
    params.cpuparams_batch.n_threads = int(value)


def _gpu_layers(_: Native, params: Native, value: str) -> None:
    params.n_gpu_layers = {"auto": -1, "all": -2}.get(value) or int(value)


def _flash_attention(native: Native, params: Native, value: str) -> None:
    states = {"on": "ENABLED", "off": "DISABLED", "auto": "AUTO"}
    params.flash_attn_type = native.llama_flash_attn_type[f"LLAMA_FLASH_ATTN_TYPE_{states[value]}"]


def _kv_type(name: str) -> Callable[[Native, Native, str], None]:
    def apply(native: Native, params: Native, value: str) -> None:
        setattr(params, name, native.ggml_type[f"GGML_TYPE_{value.upper()}"])

    return apply


def _load_mode(native: Native, params: Native, value: str) -> None:
    names = {"mmap+mlock": "MMAP_MLOCK", "dio": "DIRECT_IO"}
    name = names.get(value, value.upper())
    params.load_mode = native.llama_load_mode[f"LLAMA_LOAD_MODE_{name}"]


def _no_mmap(native: Native, params: Native, _: str) -> None:
    locked = params.load_mode in _locked_modes(native)
    _load_mode(native, params, "mlock" if locked else "none")


def _mlock(native: Native, params: Native, _: str) -> None:
    mapped = params.load_mode != native.llama_load_mode.LLAMA_LOAD_MODE_NONE
    _load_mode(native, params, "mmap+mlock" if mapped else "mlock")


def _locked_modes(native: Native) -> tuple[Any, Any]:
    modes = native.llama_load_mode
    return modes.LLAMA_LOAD_MODE_MLOCK, modes.LLAMA_LOAD_MODE_MMAP_MLOCK


def _pooling(native: Native, params: Native, value: str) -> None:
    params.pooling_type = native.llama_pooling_type[f"LLAMA_POOLING_TYPE_{value.upper()}"]


def _rerank(native: Native, params: Native, _: str) -> None:
    params.embedding = True
    _pooling(native, params, "rank")


def _reasoning(_: Native, params: Native, value: str) -> None:
    params.enable_reasoning = {"on": 1, "off": 0, "auto": -1}[value]
    if value != "auto":
        thinking = "true" if value == "on" else "false"
        params.default_template_kwargs = {"enable_thinking": thinking}


def _nothing(_native: Native, _params: Native, _value: str) -> None:
    """For the options that are answered before a server is made."""


OPTIONS = (
    Option(("-h", "--help"), None, "print usage and exit", _nothing),
    Option(("--version",), None, "show version and build info", _nothing),
    Option(("--list-devices",), None, "print list of available devices and exit", _nothing),
    Option(("-m", "--model"), "FNAME", "model path to load", _field("model.path")),
    Option(("-mm", "--mmproj"), "FILE", "path to a multimodal projector", _field("mmproj.path")),
    Option(
        ("-a", "--alias"), "STRING", "model names for the API, comma-separated", _field("model_alias", _names)
    ),
    Option(
        ("--host",),
        "HOST",
        "address to listen on, or a Unix socket path ending in .sock (default: 127.0.0.1)",
        _field("hostnames", _hosts),
    ),
    Option(("--port",), "PORT", "port to listen on (default: 8080)", _field("port", int)),
    Option(
        ("-c", "--ctx-size"),
        "N",
        "size of the prompt context (default: 0, 0 = loaded from model)",
        _field("n_ctx", int),
    ),
    Option(
        ("-np", "--parallel"),
        "N",
        "number of server slots (default: -1, -1 = auto)",
        _field("n_parallel", int),
    ),
    Option(("-t", "--threads"), "N", "number of CPU threads (default: -1)", _threads),
    Option(("-b", "--batch-size"), "N", "logical maximum batch size (default: 2048)", _field("n_batch", int)),
    Option(
        ("-ub", "--ubatch-size"), "N", "physical maximum batch size (default: 512)", _field("n_ubatch", int)
    ),
    Option(
        ("-ngl", "--gpu-layers", "--n-gpu-layers"),
        "N",
        "layers to store in VRAM: a number, 'auto' or 'all' (default: auto)",
        _gpu_layers,
    ),
    Option(
        ("-fa", "--flash-attn"),
        "[on|off|auto]",
        "set Flash Attention use (default: 'auto')",
        _flash_attention,
        SWITCH,
    ),
    Option(
        ("-ctk", "--cache-type-k"),
        "TYPE",
        "KV cache data type for K (default: f16)",
        _kv_type("cache_type_k"),
        KV_TYPES,
    ),
    Option(
        ("-ctv", "--cache-type-v"),
        "TYPE",
        "KV cache data type for V (default: f16)",
        _kv_type("cache_type_v"),
        KV_TYPES,
    ),
    Option(
        ("-cram", "--cache-ram"),
        "N",
        "maximum prompt cache in MiB (default: 8192, -1 - no limit, 0 - disable)",
        _field("cache_ram_mib", int),
    ),
    Option(("-lm", "--load-mode"), "MODE", "model loading mode (default: auto)", _load_mode, LOAD_MODES),
    Option(("--no-mmap",), None, "do not memory-map the model", _no_mmap),
    Option(("--mlock",), None, "keep the model in RAM rather than swapping", _mlock),
    Option(
        ("-s", "--seed"),
        "SEED",
        "RNG seed (default: -1, use random seed for -1)",
        _field("sampling.seed", lambda value: int(value) % 2**32),
    ),
    Option(("--jinja",), None, "use the jinja template engine (default)", _fixed("use_jinja", True)),
    Option(("--no-jinja",), None, "do not use the jinja engine", _fixed("use_jinja", False)),
    Option(
        ("-rea", "--reasoning"),
        "[on|off|auto]",
        "use reasoning in the chat (default: 'auto', from the template)",
        _reasoning,
        SWITCH,
    ),
    Option(
        ("--reasoning-budget",),
        "N",
        "token budget for thinking: -1 for unrestricted, 0 for immediate end (default: -1)",
        _field("sampling.reasoning_budget_tokens", int),
    ),
    Option(
        ("--embedding", "--embeddings"), None, "restrict to the embedding use case", _fixed("embedding", True)
    ),
    Option(("--rerank", "--reranking"), None, "enable the reranking endpoint", _rerank),
    Option(
        ("--pooling",),
        "{none,mean,cls,last,rank}",
        "pooling type for embeddings (default: the model's)",
        _pooling,
        POOLINGS,
    ),
    Option(("--metrics",), None, "enable the metrics endpoint", _fixed("endpoint_metrics", True)),
    Option(("--slots",), None, "expose the slots endpoint (default)", _fixed("endpoint_slots", True)),
    Option(("--no-slots",), None, "hide the slots endpoint", _fixed("endpoint_slots", False)),
    Option(("--ui",), None, "serve the web page", _fixed("ui", True)),
    Option(("--no-ui", "--no-webui"), None, "serve no web page", _fixed("ui", False)),
    Option(("--offline",), None, "prevent network access", _fixed("offline", True)),
    Option(("--no-warmup",), None, "skip the empty run after loading", _fixed("warmup", False)),
    Option(
        ("-lv", "--verbosity", "--log-verbosity"),
        "N",
        "log level, 1 (errors) to 5 (debug) (default: 3)",
        _field("verbosity", int),
    ),
)
ABOUT = {"--help", "--version", "--list-devices"}
"""Asked together they are answered together, by one process."""
BY_NAME = {name: option for option in OPTIONS for name in option.names}


def parse(argv: Sequence[str]) -> list[tuple[Option, str]]:
    """The options of a command line in its order, each with its value ("" for a flag).

    Raises: BadOption for an unknown option, a missing value, or one that is not allowed.
    """
    chosen: list[tuple[Option, str]] = []
    words = iter(argv)
    for word in words:
        option = BY_NAME.get(word)
        if option is None:
            raise BadOption(f"error: invalid argument: {word}")
        value = "" if option.value is None else next(words, None)
        if value is None:
            raise BadOption(f"error while handling argument {word!r}: expected value for argument")
        if option.allowed and value not in option.allowed:
            allowed = ", ".join(option.allowed)
            raise BadOption(f"error while handling argument {word!r}: {value!r} is none of {allowed}")
        chosen.append((option, value))
    return chosen


def usage() -> str:
    """The help text, laid out as llama-server lays out its own."""
    lines = ["----- options of the built-in llama-server -----", ""]
    for option in OPTIONS:
        first, *rest = option.names
        names = f"{first + ',':<6} {', '.join(rest)}" if rest else first
        left = f"{names} {option.value}" if option.value else names
        lines += [f"{left:<39} {option.help}"] if len(left) < 39 else [left, f"{'':<40}{option.help}"]
        if option.allowed and option.value in ("TYPE", "MODE"):
            lines.append(f"{'':<40}allowed values: {', '.join(option.allowed)}")
    return "\n".join(lines)


def version() -> str:
    """llama.cpp's version lines; the wheel's last version number is the llama.cpp build."""
    from importlib import metadata  # not needed to serve, and slow to import

    wheel = metadata.version("xllamacpp")
    build = wheel.rsplit(".", 1)[-1]
    return f"version: {build} (xllamacpp {wheel})\nbuilt with the xllamacpp wheel for {sys.platform}"


def devices(native: Native) -> str:
    """The devices beside the CPU, one a line as llama-server prints them."""
    mib = 2**20
    lines = [
        f"  {device['name']}: {device['description']} "
        f"({device['memory_total'] // mib} MiB, {device['memory_free'] // mib} MiB free)"
        for device in native.get_device_info()
        if device["type"] != native.ggml_backend_dev_type.GGML_BACKEND_DEVICE_TYPE_CPU
    ]
    return "\n".join(["Available devices:", *(lines or ["  (none)"])])


def parameters(native: Native, chosen: Sequence[tuple[Option, str]], api_key: str) -> Native:
    """xllamacpp's parameters for these options.

    Raises: BadOption for a value that does not fit its option, or if no model is named.
    """
    params = native.CommonParams()
    params.port = 8080
    params.n_parallel = -1
    for option, value in chosen:
        try:
            option.apply(native, params, value)
        except (ValueError, OverflowError) as error:
            name = option.names[0]
            raise BadOption(f"error while handling argument {name!r}: {error}") from error
    if api_key:
        params.api_keys = [api_key]
    if not params.model.path:
        raise BadOption("error: --model is required")
    return params


def serve(native: Native, params: Native, tied_to_stdin: bool) -> int:
    """Load the model and serve it until SIGTERM, SIGINT or, if tied to it, the end of stdin."""
    stdin = own_stdin() if tied_to_stdin else None
    try:
        server = native.Server(params)
    except RuntimeError:
        signal.alarm(EXIT_LIMIT_S)
        return 1  # the server's own log has said why
    status = 0 if wait_for_signal(stdin) else 1
    # Orderly teardown waits for open streams and for stdin, so it can last for ever; there is
    # nothing to save, and the system takes everything back.
    sys.stdout.flush()
    os._exit(status if server else 1)


def own_stdin() -> int:
    """Stdin for us alone. llama.cpp would leave by `exit` at its end, which tears down what its other threads
    still use: in its place it gets a pipe that never ends, whose writing end stays open as long as we run."""
    stdin = os.dup(0)
    quiet, _open = os.pipe()
    os.dup2(quiet, 0)
    return stdin


def wait_for_signal(stdin: int | None) -> bool:
    """Wait for a stop signal; False if stdin came to its end first."""
    readable, writable = os.pipe()
    os.set_blocking(writable, False)
    signal.set_wakeup_fd(writable)
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda _number, _frame: None)
    poller = select.poll()
    poller.register(readable, select.POLLIN)
    if stdin is not None:
        poller.register(stdin, select.POLLIN)
    while True:
        for descriptor, _ in poller.poll():
            if descriptor == readable:
                return True
            if not os.read(descriptor, 4096):
                return False


def main(argv: Sequence[str]) -> int:
    """Run the server for these options (without the program's name); the exit status."""
    try:
        chosen = parse(argv)
        names = {option.names[-1] for option, _ in chosen}
        if "--help" in names:
            sys.stdout.write(usage() + "\n")
        if "--version" in names:
            sys.stderr.write(version() + "\n")
        if names & ABOUT and "--list-devices" not in names:
            return 0
        sys.stdout.flush()
        native: ModuleType = import_module("xllamacpp")
        if "--list-devices" in names:
            sys.stdout.write(devices(native) + "\n")
            return 0
        params = parameters(native, chosen, os.environ.get("LLAMA_API_KEY", ""))
    except BadOption as bad:
        sys.stderr.write(f"{bad}\n")
        return 1
    except ImportError as error:
        sys.stderr.write(f"error: the xllamacpp wheel is not installed: {error}\n")
        return 1
    return serve(native, params, "LLAMA_SERVER_ROUTER_PORT" in os.environ)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
