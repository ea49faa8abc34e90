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
    confirm(question)


def confirm(question: str) -> None:
    """Go on only if the person at the terminal says yes.

    Raises:
        click.Abort: the answer is no, or nothing, which is said; or Ctrl-C (all are exit code 130).
    """
    if not click.confirm(plain(question), err=True):
        click.echo("Nothing was done.", nl=False, err=True)  # whoever reports an Abort ends the line
        raise click.Abort
