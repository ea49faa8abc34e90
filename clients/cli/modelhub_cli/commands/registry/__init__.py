"""registry: what an organisation publishes, reviews and approves."""

import click

from modelhub_cli.lazy import Lazy, LazyGroup


def _command(module: str, attribute: str, help_line: str) -> Lazy:
    return Lazy(f"modelhub_cli.commands.registry.{module}", attribute, help_line)


SECTIONS = {
    "This machine": {
        "status": _command(
            "status", "status", "Where this machine's catalog comes from, and how fresh it is."
        ),
        "sync": _command("sync", "sync", "Look at the registry now."),
    },
    "Sign in": {
        "login": _command(
            "account", "login", "Keep a token for a registry, and use that registry from now on."
        ),
        "logout": _command("account", "logout", "Forget the token of a registry."),
        "whoami": _command("account", "whoami", "Who you are there, and what you may do."),
        "ui": _command("console", "ui", "Open its console in the browser."),
    },
    "Publish": {
        "publish": _command(
            "publish", "publish", "Publish a model: an entry, a file, a folder, hf:owner/name."
        ),
        "sign": _command("sign", "sign", "Sign an entry file with a publisher's key."),
        "verify-signature": _command("sign", "verify_signature", "Check the signatures in an entry file."),
        "keys": _command("sign", "keys", "Make a publisher's key."),
        "versions": _command("versions", "versions", "Versions of a model and what became of them."),
        "cancel": _command("versions", "cancel", "Take a pending version back."),
    },
    "Review": {
        "reviews": _command("reviews", "reviews", "What waits for a decision: list, show, approve, reject."),
        "withdraw": _command("versions", "withdraw", "Take an approved version out of service."),
        "verify": _command("verification", "verify", "Mark a model as verified."),
        "unverify": _command("verification", "unverify", "Take that mark away."),
        "templates": _command("templates", "templates", "Workflow templates and their badges."),
        "counters": _command("counters", "counters", "Downloads and stars: reset."),
        "star": _command("counters", "star", "Star a model."),
        "unstar": _command("counters", "unstar", "Take your star back."),
    },
    "Administer": {
        "publishers": _command("publishers", "publishers", "Publishers and their keys."),
        "tokens": _command("tokens", "tokens", "Who has which token: list, create, revoke."),
        "audit": _command("audit", "audit", "What was done by whom, and the proof that nothing was changed."),
    },
}

EXAMPLES = """\b
Examples:
  modelhub registry login https://models.example.org      the token is asked for
  modelhub registry publish tiny.gguf --id acme/tiny --url-base https://files.example.org/tiny
  modelhub registry reviews show acme/tiny@3
  modelhub registry reviews approve acme/tiny@3
"""


@click.group(cls=LazyGroup, sections=SECTIONS, epilog=EXAMPLES)
def registry() -> None:
    """The registry: which models an organisation's machines may use, and who said so."""
