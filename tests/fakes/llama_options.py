"""What llama-server builds of three years say of themselves: their version line and the help they list.

Only options that matter here or stand for a layout are listed. `2024` has no Unix sockets, no devices to
list and a switch for flash attention; `2025` gives that a value and has a budget for reasoning; `2026` has
one load mode, another word for the page, and options that it lists only to say that they are gone.
"""

from itertools import takewhile

VERSIONS = {
    "2023": "version: 1662 (0e18b2e7)",
    "2024": "version: 4404 (0827b2c1)\nbuilt with cc (Debian 12.2.0-14) 12.2.0 for x86_64-linux-gnu",
    "2025": "version: 7376 (380b4c98)\nbuilt with GNU 12.2.0 for Linux x86_64",
    "2026": "version: 0.1.0-dev (build 10964, commit ad1de39e0)\nbuilt with GNU 12.2.0 for Linux x86_64",
}

_COMMON = """\
----- common params -----

-h,    --help, --usage                  print usage and exit
--version                               show version and build info
-t,    --threads N                      number of threads to use during generation (default: -1)
                                        (env: LLAMA_ARG_THREADS)
-c,    --ctx-size N                     size of the prompt context (0 = loaded from model)
                                        (env: LLAMA_ARG_CTX_SIZE)
-b,    --batch-size N                   logical maximum batch size (default: 2048)
                                        (env: LLAMA_ARG_BATCH)
-m,    --model FNAME                    model path
                                        (env: LLAMA_ARG_MODEL)
-s,    --seed SEED                      RNG seed (default: -1, use random seed for -1)
-np,   --parallel N                     number of parallel sequences to decode
                                        (env: LLAMA_ARG_N_PARALLEL)
-a,    --alias STRING                   set alias for model name (to be used by REST API)
--port PORT                             port to listen (default: 8080)
                                        (env: LLAMA_ARG_PORT)
--embedding, --embeddings               restrict to only support embedding use case (default: disabled)
--api-key KEY                           API key to use for authentication (default: none)
                                        (env: LLAMA_API_KEY)
--metrics                               enable prometheus compatible metrics endpoint (default: disabled)
"""
_TCP = """\
--host HOST                             ip address to listen (default: 127.0.0.1)
                                        (env: LLAMA_ARG_HOST)
"""
_SOCKET = """\
--host HOST                             ip address to listen, or bind to an UNIX socket if the address ends
                                        with .sock (default: 127.0.0.1)
                                        (env: LLAMA_ARG_HOST)
"""
_CACHE_TYPES_2024 = """\
-ctk,  --cache-type-k TYPE              KV cache data type for K (default: f16)
-ctv,  --cache-type-v TYPE              KV cache data type for V (default: f16)
"""
_CACHE_TYPES = """\
-ctk,  --cache-type-k TYPE              KV cache data type for K
                                        allowed values: f32, f16, bf16, q8_0, q4_0, q4_1, iq4_nl, q5_0, q5_1
-ctv,  --cache-type-v TYPE              KV cache data type for V
                                        allowed values: f32, f16, bf16, q8_0, q4_0, q4_1, iq4_nl, q5_0, q5_1
"""
_MAPPING = """\
--mlock                                 force system to keep model in RAM rather than swapping or compressing
                                        (env: LLAMA_ARG_MLOCK)
--no-mmap                               do not memory-map model (slower load but may reduce pageouts if not
                                        using mlock)
                                        (env: LLAMA_ARG_NO_MMAP)
"""
_FLASH_VALUE = """\
-fa,   --flash-attn [on|off|auto]       set Flash Attention use ('on', 'off', or 'auto', default: 'auto')
                                        (env: LLAMA_ARG_FLASH_ATTN)
"""
_NEWER = """\
--list-devices                          print list of available devices and exit
--offline                               Offline mode: forces use of cache, prevents network access
                                        (env: LLAMA_OFFLINE)
--mmproj FILE                           path to a multimodal projector file
-cram, --cache-ram N                    set the maximum cache size in MiB (default: 8192, -1 - no limit, 0 -
                                        disable)
"""
HELP = {
    "2023": "usage: ./server [options]\n\noptions:\n  -h, --help            show this help message and exit\n"
    "  -m FNAME, --model FNAME\n                        model path (default: model.gguf)\n",
    "2024": _COMMON
    + _TCP
    + _CACHE_TYPES_2024
    + _MAPPING
    + """\
-fa,   --flash-attn                     enable Flash Attention (default: disabled)
                                        (env: LLAMA_ARG_FLASH_ATTN)
-ngl,  --gpu-layers, --n-gpu-layers N   number of layers to store in VRAM
--no-webui                              Disable the Web UI (default: enabled)
--slots                                 enable slots monitoring endpoint (default: disabled)
""",
    "2025": _COMMON
    + _SOCKET
    + _CACHE_TYPES
    + _MAPPING
    + _FLASH_VALUE
    + _NEWER
    + """\
-ngl,  --gpu-layers, --n-gpu-layers N   max. number of layers to store in VRAM (default: -1)
--reasoning-budget N                    controls the amount of thinking allowed; currently only one of: -1 for
                                        unrestricted thinking budget, or 0 to disable thinking (default: -1)
--no-webui                              Disable the Web UI (default: enabled)
--slots                                 enable slots monitoring endpoint (default: enabled)
--no-slots                              disables slots monitoring endpoint
--jinja                                 use jinja template for chat (default: enabled)
""",
    "2026": _COMMON
    + _SOCKET
    + _CACHE_TYPES
    + _FLASH_VALUE
    + _NEWER
    + """\
-ngl,  --gpu-layers, --n-gpu-layers N   max. number of layers to store in VRAM, either an exact number,
                                        'auto', or 'all' (default: auto)
-lm,   --load-mode MODE                 model loading mode (default: auto)
                                        - none: no special loading mode
                                        - mlock: force system to keep model in RAM
--no-mmap, --mlock                      the argument has been removed. use --load-mode
--ui, --no-ui                           whether to enable the Web UI (default: enabled)
--no-webui                              the argument has been removed. use --no-ui
--slots, --no-slots                     expose slots monitoring endpoint (default: enabled)
--jinja, --no-jinja                     whether to use jinja template engine for chat (default: enabled)
--reasoning-budget N                    token budget for thinking: -1 for unrestricted, 0 for immediate end,
                                        N>0 for token budget (default: -1)
-rea,  --reasoning [on|off|auto]        Use reasoning/thinking in the chat (default: 'auto')
--fim-qwen-1.5b-default                 use default Qwen 2.5 Coder 1.5B (note: can download weights)
--spec-draft-hf, -hfd, -hfrd, --hf-repo-draft <user>/<model>[:quant]
                                        Same as --hf-repo, but for the draft model (default: unused)
""",
}
"""By year. What `2023` answers is not laid out in the way that is read."""


def version_and_help(faults: frozenset[str]) -> tuple[str, str]:
    """Of the year among the faults (`old` is 2024); 2026 if there is none."""
    year = next((year for year in HELP if year in faults), "2024" if "old" in faults else "2026")
    return VERSIONS[year], HELP[year]


def values_of(usage: str) -> dict[str, bool]:
    """Every option that may be given, and whether it takes a value, read as a person reads the help."""
    found: dict[str, bool] = {}
    for line in usage.splitlines():
        if line.startswith("-") and not line.startswith("-----") and "has been removed" not in line:
            words = line.split()
            names = [word.rstrip(",") for word in takewhile(lambda word: word.startswith("-"), words)]
            rest = (*words[len(names) :], "")[0]
            found |= dict.fromkeys(names, rest.isupper() or rest.startswith(("[", "<")))
    return found


def refusal(usage: str, arguments: list[str]) -> str | None:
    """What llama-server says of the first argument that it does not know; None for a good command line."""
    options = values_of(usage)
    rest = iter(arguments)
    for word in rest:
        if word not in options:
            return f"error: invalid argument: {word}"
        if options[word] and next(rest, None) is None:
            return f"error while handling argument {word!r}: expected value for argument"
    return None
