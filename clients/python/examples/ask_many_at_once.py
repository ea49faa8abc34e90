"""The async client: several questions at once, and one that may fail.

python ask_many_at_once.py [MODEL]
"""

import asyncio
import sys

from modelhub_client import AsyncClient, NotFound, ProblemError, ensure_running


async def main(model: str) -> None:
    """Prints what the machine is and whether the model is known and allowed on it."""
    await asyncio.to_thread(ensure_running)  # finds the daemon or starts it
    async with AsyncClient(app="example/1.0") as client:
        status, device, policy = await asyncio.gather(client.status(), client.device(), client.policy())
        print(f"{status.models_installed} installed, {status.catalog.models} to be had")
        print(f"{device.os} {device.arch}, {device.ram_total_bytes} bytes of memory")
        print(f"offline: {policy.offline.value} (says {policy.offline.source})")
        try:
            entry = await client.model(model)
        except NotFound as error:
            print(error)  # names the nearest there is
        except ProblemError as error:
            print(f"{error.status} {error.code}: {error}")
        else:
            print(f"{entry.id}: {entry.fit.verdict.value}. {entry.fit.reason}")


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1] if len(sys.argv) > 1 else "qwen/qwen3-0.6b"))
