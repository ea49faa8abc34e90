"""What this machine is."""

from modelhubd.wire.base import Message


class Gpu(Message, frozen=True, kw_only=True):
    """A device a llama-server build can compute on. `unified` memory is shared with the processor."""

    id: str
    name: str
    total_bytes: int
    free_bytes: int
    unified: bool = False


class LlamaBuild(Message, frozen=True, kw_only=True):
    """A llama-server found on this machine; loads use the first that is usable, and `reason` says why one is
    not. `origin` is `configured`, `path` or `builtin`; `build` is null where the program does not tell it."""

    id: str
    origin: str
    version: str | None
    build: int | None = None
    devices: tuple[Gpu, ...] = ()
    usable: bool = True
    reason: str | None = None


class Device(Message, frozen=True, kw_only=True):
    """`os` is `linux`, `macos` or `windows`; `arch` is `x86_64` or `arm64`. Sizes in bytes."""

    os: str
    os_version: str
    arch: str
    cpu_model: str | None
    cpu_cores: int
    cpu_threads: int
    cpu_features: tuple[str, ...] = ()
    ram_total_bytes: int
    ram_available_bytes: int
    models_dir: str
    """Shown with the home folder as `~`, so that no user name leaves."""
    models_dir_present: bool
    disk_total_bytes: int | None
    disk_free_bytes: int | None
    reserve_bytes: int = 0
    """Free disk that downloads leave alone."""
    gpus: tuple[Gpu, ...] = ()
    llama_servers: tuple[LlamaBuild, ...] = ()

    @property
    def apple_silicon(self) -> bool:
        return self.os == "macos" and self.arch == "arm64"
