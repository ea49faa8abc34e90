"""Signs a checked draft with a publisher's key, and tells whether a signature is good."""

from pathlib import Path

from modelhub_cli.authoring.checking import Checked
from modelhub_cli.authoring.key_files import read_key
from modelhubd.wire.catalog import Envelope


def signed(checked: Checked, key_file: Path) -> tuple[Envelope, ...]:
    """The envelopes of the draft with one by this key, in place of an earlier one by it.

    Raises:
        Failed: the key cannot be read.
    """
    private = read_key(key_file)
    # Here, as it brings the library of cryptography, which takes longer to import than most commands take.
    from modelhubd.trust.statements import sign_version

    publisher = checked.model.partition("/")[0]
    made = sign_version(checked.model, publisher, checked.content_sha256, private)
    by = {signature.keyid for signature in made.signatures}
    kept = tuple(
        envelope
        for envelope in checked.envelopes
        if not by & {signature.keyid for signature in envelope.signatures}
    )
    return (*kept, made)
