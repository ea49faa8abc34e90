"""The second act: what an organisation approves is what its machines get, and nothing else.

A registry, an origin of model files and two machines' daemons run on this machine as real programs, in a
temporary folder. Three people work with the registry from the command line: an author, a reviewer and an
administrator. Nothing is fetched from the internet.
"""

import contextlib
import sys
import tempfile
from pathlib import Path

import psutil

from tests.demo.stage import Person, Show, Stage, Stopped, left_running, stage
from tests.fakes.tiny_gguf import SENTENCE, write_chat

MODEL = "acme/tiny-chat"
FILE = "tiny-chat-f16.gguf"
TEMPLATE = "support"
NOT_PERMITTED, REFUSED = 4, 7
BEGINNING = """An organisation decides which models its machines may use. This shows how, with real programs:
a registry, the daemons of two machines (laptop, desktop), and three people with tokens of it."""
AFTERWARDS = f"""
What happened: a version that its author could not approve was approved by somebody else, by the digest of
its content. Two machines got it in a signed catalog, checked each byte against it, and one ran it: it said
"{SENTENCE}", which is all it can say. An administrator vouched for it and a template's
badge moved in the same instant; the audit log was proved on the spot. Withdrawn, it runs nowhere any more,
not even offline.

Run one for your organisation: docs/operations.md, "Running the registry".
"""


def main() -> int:
    """Run the demo; 0, or 1 at the first command that answers what is not expected."""
    show = Show(colour=sys.stdout.isatty())
    before = set(psutil.Process().children(recursive=True))
    print(show.bold(BEGINNING))
    try:
        with tempfile.TemporaryDirectory(prefix="modelhub-demo-") as folder:
            play(Path(folder), show)
    except Stopped as error:
        print(f"\nThe demo stopped: {error}.", file=sys.stderr)
        return 1
    if left := left_running(before):
        names = ", ".join(f"{process.pid}" for process in left)
        print(f"\nStill running, and should not be: {names}.", file=sys.stderr)
        return 1
    print(show.bold(AFTERWARDS))
    print("The temporary folder is gone, and nothing is left running.")
    return 0


def play(root: Path, show: Show) -> None:
    """The acts, one after the other; everything that runs has ended afterwards."""
    with stage(root, show) as scene, contextlib.ExitStack() as stack:
        admin, author, reviewer = people(scene)
        token = admin.asks("registry", "tokens", "create", "--for", "machines", "--scope", "read",
                           "--expires", "1d", "-q")  # fmt: skip
        trusted = scene.root / "root.json"
        show.prompt("server", "modelhub-registry keys root --first > root.json")
        trusted.write_text(scene.registry.command("keys", "root", "--first").stdout)
        print("Each machine is given this file, a read token and the address: all it ever has to trust.")
        machines = tuple(
            stack.enter_context(scene.machine(name, token, trusted)) for name in ("laptop", "desktop")
        )
        publish(scene, author)
        approve(scene, reviewer)
        use(scene, machines)
        vouch(scene, admin, machines)
        withdraw(scene, admin, machines)


def people(scene: Stage) -> tuple[Person, Person, Person]:
    """An administrator, an author who may also review, and a reviewer, signed in."""
    admin, author, reviewer = (scene.person(name) for name in ("admin", "author", "reviewer"))
    scene.show.prompt("server", "modelhub-registry create-admin admin")
    print("(a token, shown this once; there is no default password)", flush=True)
    url = scene.registry.url
    admin.does("registry", "login", url, given=scene.registry.create_admin())
    admin.does("registry", "publishers", "create", "acme")
    admin.does("registry", "templates", "put", TEMPLATE, "--name", "Support desk", "--model", MODEL)
    for person, allowed in ((author, ("publish:acme", "review")), (reviewer, ("review",))):
        words = ["registry", "tokens", "create", "--for", person.name, "--expires", "1d"]
        for scope in allowed:
            words += ["--scope", scope]
        scene.show.prompt("admin", f"modelhub {' '.join(words)}")
        made = admin.asks(*words, "-q")
        print(f"{made[:8]}… (given to the {person.name}, who signs in with it)", flush=True)
        person.asks("registry", "login", url, given=made)
    return admin, author, reviewer


def publish(scene: Stage, author: Person) -> None:
    scene.show.tell("The author publishes a model. Only its description goes to the registry.")
    path = write_chat(scene.models / FILE)
    author.does(
        "registry", "publish", str(path), "--id", MODEL, "--url-base", scene.origin,
        "--name", "Tiny chat", "--license", "CC0-1.0", "--capability", "chat",
        "--notes", "First version.",
        shown=f"registry publish {FILE} --id {MODEL} --url-base {scene.origin} --license CC0-1.0 …",
    )  # fmt: skip
    scene.show.tell("Nobody approves what they published themselves, even with a reviewer's token.")
    digest = author.asks("registry", "reviews", "show", f"{MODEL}@1", "-q")[:12]
    author.does("registry", "reviews", "approve", f"{MODEL}@1", "--yes", "--digest", digest,
                code=NOT_PERMITTED)  # fmt: skip


def approve(scene: Stage, reviewer: Person) -> None:
    scene.show.tell("Somebody else looks at what would change, and approves exactly that content.")
    reviewer.does("registry", "reviews", "show", f"{MODEL}@1")
    digest = reviewer.asks("registry", "reviews", "show", f"{MODEL}@1", "-q")[:12]
    reviewer.does("registry", "reviews", "approve", f"{MODEL}@1", "--yes", "--digest", digest)


def use(scene: Stage, machines: tuple[Person, ...]) -> None:
    scene.show.tell("The machines take the signed catalog, and the model with every byte checked.")
    laptop, desktop = machines
    laptop.does("registry", "sync")
    laptop.does("search", "acme")
    laptop.does("pull", MODEL)
    laptop.does("load", MODEL, "--ctx", "512", "--threads", "1")
    laptop.does("chat", MODEL, "What are you?")
    laptop.does("unload", MODEL)
    desktop.asks("registry", "sync")
    desktop.does("pull", MODEL)


def vouch(scene: Stage, admin: Person, machines: tuple[Person, ...]) -> None:
    scene.show.tell("The administrator vouches for it: the badge of the template that uses it moves.")
    admin.does("registry", "verify", MODEL)
    machines[0].asks("registry", "sync")
    machines[0].does("policy", "templates")
    scene.show.tell("Everything so far is in the audit log. Anybody can check it, here by computing it.")
    admin.does("registry", "audit", "list", "--subject", f"{MODEL}@1")
    admin.does("registry", "audit", "verify")


def withdraw(scene: Stage, admin: Person, machines: tuple[Person, ...]) -> None:
    scene.show.tell("It is withdrawn. The machines refuse it from their next sync on.")
    admin.does("registry", "withdraw", f"{MODEL}@1", "--reason", "It leaks.", "--yes")
    for machine in machines:
        machine.asks("registry", "sync")
        machine.does("load", MODEL, code=REFUSED)
    machines[1].does("pull", MODEL, code=REFUSED)
    scene.show.tell("The registry is stopped. What was withdrawn stays withdrawn.")
    scene.registry.stop()
    for machine in machines:
        machine.does("load", MODEL, code=REFUSED)


if __name__ == "__main__":
    sys.exit(main())
