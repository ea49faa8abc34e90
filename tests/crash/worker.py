"""The transfer worker with traps and a diary, in place of `modelhubd.downloads.worker`."""

import os
from pathlib import Path

from tests.crash import diary, traps


def main() -> None:
    plan = traps.plan_of(os.environ)
    if "diary" in plan:
        diary.keep(Path(plan["diary"]))
    traps.set_all(plan, "worker")
    from modelhubd.downloads import worker

    worker.main()


if __name__ == "__main__":
    main()
