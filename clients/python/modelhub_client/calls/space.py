"""What everything costs on the disk."""

from modelhub_client.call import Call, api, body_of
from modelhubd.wire.space import Prune, Pruned, Usage

LONG_S = 600


def usage() -> Call[Usage]:
    """What each version, partial download, leftover and cache costs."""
    return Call(method="GET", target=api("/library/usage"), answer=Usage, timeout_s=LONG_S)


def prune(
    *,
    dry_run: bool = False,
    keep_old: int = 1,
    old_versions: bool = True,
    leftovers: bool = True,
    caches: bool = True,
) -> Call[Pruned]:
    """Give back what nobody needs, or with `dry_run` say what that would be."""
    wanted = Prune(
        dry_run=dry_run, keep_old=keep_old, old_versions=old_versions, leftovers=leftovers, caches=caches
    )
    return Call(
        method="POST", target=api("/library/prune"), answer=Pruned, body=body_of(wanted), timeout_s=LONG_S
    )
