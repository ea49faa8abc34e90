"""Asking before what cannot be undone."""

import sys

import click

from modelhub_cli.failures import USAGE, Failed
from modelhub_cli.output import Output, plain


def ask(out: Output, question: str, option: str) -> None:
    """Go on only if a person says so; where there is none to ask, `option` must have been given.

    Raises:
        Failed: nobody is there to be asked (exit code 2).
        click.Abort: the answer is no.
    """
    if not (sys.stdin.isatty() and out.talks):
        raise Failed("Nobody is there to be asked.", next_step=f"Add {option}", code=USAGE)
    click.confirm(plain(question), abort=True, err=True)
