"""Why an evaluation could not go on, as people are told."""

import logging
import sqlite3

from modelhubd.errors import Refused
from modelhubd.full_disk import is_full
from modelhubd.wire.evaluations import EvaluationError

log = logging.getLogger(__name__)


def error_of(evaluation_id: str, error: Exception) -> EvaluationError:
    """What people are told. Nothing that was asked or answered is in it."""
    if isinstance(error, Refused):
        return EvaluationError(code=error.code, detail=error.detail)
    if isinstance(error, OSError):
        log.warning("evaluation %s: %s", evaluation_id, error.strerror)
        detail = f"Its files cannot be used: {error.strerror}. Make room or mend that, then resume it."
        return EvaluationError(code="disk_full" if error.errno in (28, 122) else "io_error", detail=detail)
    if isinstance(error, sqlite3.OperationalError):
        log.warning("evaluation %s: %s", evaluation_id, error)
        detail = f"Its answers cannot be kept: {error}. Make room, then resume it."
        return EvaluationError(code="disk_full" if is_full(error) else "io_error", detail=detail)
    log.error("evaluation %s failed: %s", evaluation_id, type(error).__name__)
    detail = f"Something went wrong that should not ({type(error).__name__})."
    return EvaluationError(code="internal", detail=detail)
