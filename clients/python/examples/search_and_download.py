"""Search for a model that runs here, download it, and show how far that has come.

python search_and_download.py [WORDS]
"""

import sys

from modelhub_client import Client, Conflict, ensure_running
from modelhub_client.events import Snapshot
from modelhubd.wire.downloads import Download
from modelhubd.wire.events import DownloadProgress


def main(words: str) -> int:
    """The exit code."""
    ensure_running()  # finds the daemon or starts it
    with Client(app="example/1.0") as client:
        found = client.search(words, compatible=True, sort="size", limit=5).items
        for model in found:
            print(f"{model.id}:{model.best_option}: {model.fit.verdict.value}, {model.size_bytes} bytes")
        if not found:
            return 1
        try:
            download = client.create_download(found[-1].id)
        except Conflict as error:
            print(error)  # installed already, or it does not fit: the text says what to do
            return 0 if error.code == "already_installed" else 1
        # Begins with a snapshot, so nothing is missed; goes on over restarts of the daemon.
        for event in client.events(["downloads"]):
            match event.data:
                case Snapshot(state=state):
                    download = next((item for item in state.downloads if item.id == download.id), download)
                case Download(id=download.id):
                    download = event.data
                case DownloadProgress(id=download.id, done_bytes=done, total_bytes=total):
                    print(f"{done} of {total} bytes")
                case _:
                    pass  # of another download, or of a kind that this program does not know
            if download.state.ended:
                break
        print(f"{download.model}: {download.state.value}")
        return 0 if download.state.value == "completed" else 1


if __name__ == "__main__":
    sys.exit(main(" ".join(sys.argv[1:])))
