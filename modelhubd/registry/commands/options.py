"""Options that several commands take, and the configuration they give."""

import functools
import logging
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from modelhubd.journal import start_logging
from modelhubd.registry.config import RegistryConfig, read_config


def configured(run: Callable[..., None]) -> Callable[..., None]:
    """A command that is handed the configuration, with its log started, and the options that are no setting.

    Options named as settings of `RegistryConfig` are taken as such.
    """

    @click.option("--state-dir", type=click.Path(path_type=Path), help="Where the database and the keys are.")
    @click.option("--database", metavar="URL", help="postgresql://…; without it SQLite in the state folder.")
    @functools.wraps(run)
    def command(**options: Any) -> None:
        known = set(RegistryConfig.__struct_fields__)
        config = read_config(os.environ, {name: options.pop(name) for name in list(options) if name in known})
        start_logging(config.log_level, config.log_format)
        logging.getLogger("alembic").setLevel(logging.WARNING)
        run(config, **options)

    return command
