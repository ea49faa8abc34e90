"""Two versions of a model that answer differently, and one who asks them: what Activity and Trials show."""

import contextlib
import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.browser.models import HOSTILE, entry, offer
from tests.browser.showcase import until
from tests.browser.world import have
from tests.fakes.origin import Origin
from tests.fakes.tiny_gguf import SENTENCE, write_chat
from tests.raw import Answer, over_socket
from tests.running import RunningDaemon, free_port, running_daemon

MODEL = "testing/zebra"
NAME = '<b onclick="alert(1)">Zebra</b>'
NODE = "<script>alert(1)</script> & draft"
APP = "editor"
NEW_WORDS = ("Greetings", " to", " you", " my", " friend", "!")
OLD, NEW = SENTENCE.strip(), "".join(NEW_WORDS)


@dataclass(frozen=True)
class Observed:
    """`old` and `new` are the library ids of versions 1 and 2 of MODEL; the old one is active."""

    daemon: RunningDaemon
    old: str
    new: str

    def ask(self, words: str, *, node: str | None = NODE, app: str | None = APP, **more: Any) -> Answer:
        """One chat with MODEL through the gateway."""
        body = {"model": MODEL, "messages": [{"role": "user", "content": words}], "max_tokens": 16}
        headers = [("Modelhub-Node", node)] if node else []
        headers += [("Modelhub-App", f"{app}/1.0")] if app else []
        content = json.dumps(body | {"temperature": 0} | more).encode()
        return over_socket(self.daemon.socket, "POST", "/v1/chat/completions", content, *headers)

    def api(self, method: str, path: str, body: Any = None) -> Any:
        """The answer of the daemon's own API, which must be none of a refusal; None where it has no body."""
        content = None if body is None else json.dumps(body).encode()
        answer = over_socket(self.daemon.socket, method, f"/api/v1{path}", content)
        assert answer.status < 300, answer.body
        return answer.json if answer.body else None


@contextlib.contextmanager
def observed(home: Path) -> Iterator[Observed]:
    """A daemon in `home`, whose records begin with a gap: the database that lay there is none."""
    files = home.parent / "origin"
    files.mkdir()
    (home / "state").mkdir(parents=True, mode=0o700)
    (home / "state" / "records.db").write_bytes(b"this was a database once " * 400)
    with Origin("--directory", str(files)) as origin:
        settings = {
            "MODELHUB_DOWNLOADS_ALLOW_ORIGINS": origin.url,
            "MODELHUB_SERVER_PORT": str(free_port()),
            "MODELHUB_LOAD_CTX": "512",
        }
        one = entry(origin.url, write_chat(files / "old.gguf"), "zebra", HOSTILE) | {"display_name": NAME}
        path = write_chat(files / "new.gguf", answer=NEW_WORDS, seed=2)
        two = entry(origin.url, path, "zebra", HOSTILE) | {"display_name": NAME, "version": 2}
        offer(home, one)
        with running_daemon(home, settings) as daemon:
            client = daemon.client
            old = have(client, MODEL)
            offer(home, two)
            client.sync_catalog()
            client.create_download(MODEL)
            until(lambda: len([item for item in client.library().items if item.state == "ok"]) == 2)
            new = next(item.id for item in client.library().items if item.version == 2)
            found = Observed(daemon, old.id, new)
            found.api("PUT", f"/catalog/models/{MODEL}/active", {"library_id": old.id})
            yield found
