"""The log: readable lines on a terminal, one JSON object a line otherwise."""

import logging
import sys
import time
from typing import TextIO

import msgspec

from modelhubd.trust.text import printable


class JsonLines(logging.Formatter):
    """`{"time","level","logger","message"[,"error"]}`; time in RFC 3339 UTC."""

    def format(self, record: logging.LogRecord) -> str:
        line = {
            "time": time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(record.created))
            + f".{record.msecs:03.0f}Z",
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
        }
        if record.exc_info:
            line["error"] = self.formatException(record.exc_info)
        return msgspec.json.encode({key: _encodable(text) for key, text in line.items()}).decode()


class Lines(logging.Formatter):
    """For people. A stranger's file name in a message cannot speak to the terminal."""

    def format(self, record: logging.LogRecord) -> str:
        return printable(super().format(record), multiline=True)


def _encodable(text: str) -> str:
    """Bytes of a file name that are no UTF-8 are shown as escapes."""
    return text.encode("utf-8", "backslashreplace").decode()


def start_logging(level: str, form: str, stream: TextIO = sys.stderr) -> None:
    """Send the program's log to `stream`. `form` is `text`, `json` or `auto` (text on a terminal)."""
    handler = logging.StreamHandler(stream)
    if form == "json" or (form == "auto" and not stream.isatty()):
        handler.setFormatter(JsonLines())
    else:
        handler.setFormatter(Lines("%(asctime)s %(levelname)-7s %(message)s", "%H:%M:%S"))
    logging.basicConfig(level=level.upper(), handlers=[handler], force=True)
    logging.getLogger("aiosqlite").setLevel(logging.WARNING)
    logging.getLogger("watchfiles").setLevel(logging.WARNING)
    logging.getLogger("tuf").setLevel(logging.WARNING)  # tells of each root key that need not have signed
    # It reports bytes that are no request, with a traceback each: whoever sends them could fill the disk.
    # A request that fails is reported by web.problems.
    logging.getLogger("aiohttp.server").setLevel(logging.CRITICAL)
