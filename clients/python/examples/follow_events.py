"""Follow what happens and, started again, go on where it was: no change is missed, none is shown twice.

python follow_events.py CURSOR_FILE [COUNT]
"""

import asyncio
import sys
from pathlib import Path

from modelhub_client import AsyncClient, Snapshot
from modelhub_client.events import DISCONNECTED


async def main(cursor_file: Path, count: int) -> None:
    """Shows `count` events, or goes on for ever where it is 0."""
    after = cursor_file.read_text() if cursor_file.exists() else None  # noqa: ASYNC240  # before anything runs
    async with AsyncClient(app="example/1.0") as client:
        shown = 0
        # With `wait` it may be started before the daemon is.
        async for event in client.events(["downloads", "library", "servers"], after, wait=True):
            if event.type == DISCONNECTED:
                print("the daemon is away; going on when it is back")
                continue
            if isinstance(event.data, Snapshot):
                # Take it for everything known so far: the daemon has begun anew, or this is the first time.
                print(f"snapshot ({event.data.reason}): {len(event.data.state.library)} installed")
            else:
                print(event.type, getattr(event.data, "id", ""))
            if event.cursor is not None:  # gauges such as download.progress have none
                cursor_file.write_text(event.cursor)  # noqa: ASYNC240
            shown += 1
            if shown == count:
                return


if __name__ == "__main__":
    if len(sys.argv) == 1:
        sys.exit(__doc__)
    asyncio.run(main(Path(sys.argv[1]), int(sys.argv[2]) if len(sys.argv) > 2 else 0))
