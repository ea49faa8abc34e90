"""Use the daemon whether or not it runs, and find out how else it can be reached.

python start_on_demand.py
"""

import os
import sys

from modelhub_client import Client, DaemonNotStarted, ensure_running
from modelhub_client.endpoint import read_runtime_info


def main() -> int:
    """The exit code."""
    try:
        started = ensure_running()
    except DaemonNotStarted as error:
        print(f"{error} modelhub doctor finds out why.")
        return 1
    print("it ran already" if started is None else f"started as process {started}; it goes on without us")
    version = Client().version()
    print(f"modelhubd {version.version}, API {version.api.min} to {version.api.max}")
    # Programs that cannot use a Unix socket need the address and the token; OpenAI's library takes both.
    info = read_runtime_info(os.environ)
    if info is not None and info.url is not None:
        print(f"OPENAI_BASE_URL={info.url}/v1, the key is in {info.token_file}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
