"""On a file system that has clones, a link is one, and so is a second copy of the same bytes."""

import fcntl
import os
import struct
from pathlib import Path

import pytest

from modelhubd.storage.confined import ConfinedRoot
from modelhubd.storage.sharing import share
from tests.disks import disk_of
from tests.integration.imports.world import world_in

CONTENT = os.urandom(4 << 20)
FIEMAP = 0xC020660B  # linux/fs.h
SHARED = 0x2000


@pytest.mark.parametrize("kind", ["btrfs", "xfs"])
async def test_an_import_by_link_shares_the_blocks_and_not_the_fate(tmp_path: Path, kind: str) -> None:
    with disk_of(kind, tmp_path / "disk") as disk:
        folder = disk.folder / "home"
        folder.mkdir(mode=0o700)
        async with world_in(folder) as world:
            await world.know("acme/tiny", q4={"tiny.gguf": CONTENT})
            source = world.source("tiny.gguf", CONTENT)
            (made,) = (await world.bring(source)).imported
            assert made.how == "clone"
            file = world.models / "acme/tiny/1/q4/tiny.gguf"
            assert file.stat().st_ino != source.stat().st_ino
            assert is_shared(file), "the bytes are there once"
            with source.open("r+b") as theirs:
                theirs.write(b"changed by its owner")
            assert file.read_bytes() == CONTENT
            assert (await world.library.scan()).changed == 0
            assert share(ConfinedRoot(world.models), "acme/tiny/1/q4/tiny.gguf", "again")
            assert (world.models / "again").stat().st_nlink == 1, "a clone here too, no second name"


def is_shared(path: Path) -> bool:
    """Whether the file's first extent belongs to another file too."""
    os.sync()
    asked = bytearray(struct.pack("=QQLLLL", 0, 1 << 62, 1, 0, 1, 0) + bytes(56))
    with path.open("rb") as file:
        fcntl.ioctl(file, FIEMAP, asked)
    return bool(struct.unpack_from("=L", asked, 32 + 40)[0] & SHARED)
