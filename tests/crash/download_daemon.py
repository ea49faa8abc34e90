"""The download service in a process of its own, to be killed:

    python -m tests.crash.download_daemon FOLDER ORIGIN NAME=SIZE... [--die before|after CALL] [--count N]

It pulls one model (or goes on with it) and prints how it ended. With `--die` it kills itself with SIGKILL
just before or after the first (or the Nth) call of a function such as `staging.place`.
"""

import argparse
import asyncio
from pathlib import Path

from modelhubd.wire.catalog import Format, OptionFile
from tests.crash.traps import arm
from tests.fakes.download_home import Home, option_of
from tests.fakes.origin import sha256


async def run(folder: Path, origin: str, files: list[tuple[str, int]]) -> str:
    home = Home(folder=folder, allow_origins=(origin,))
    option = option_of(
        *(
            OptionFile(
                name=name,
                size_bytes=size,
                sha256=sha256(place, size),
                urls=(f"{origin}/{folder.name}/{name}",),
            )
            for place, (name, size) in enumerate(files, 1)
        ),
        format=Format.SAFETENSORS if len(files) > 1 else Format.GGUF,
    )
    home.offer("acme/crash", option)
    async with home.daemon() as daemon:
        if await daemon.installed():
            listed = await daemon.downloads.list((), 1, None)
            return str(listed.items[0].state)
        ended = await daemon.until((await daemon.pull("acme/crash")).id, within_s=60)
        return f"{ended.state} {ended.error or ''}".strip()


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("folder", type=Path)
    parser.add_argument("origin")
    parser.add_argument("files", nargs="+")
    parser.add_argument("--die", nargs=2)
    parser.add_argument("--count", type=int, default=1)
    arguments = parser.parse_args()
    if arguments.die:
        moment, call = arguments.die
        arm({"call": call, "moment": moment, "count": arguments.count, "do": "die"})
    files = [(text.partition("=")[0], int(text.partition("=")[2])) for text in arguments.files]
    print(asyncio.run(run(arguments.folder, arguments.origin, files)), flush=True)


if __name__ == "__main__":
    main()
