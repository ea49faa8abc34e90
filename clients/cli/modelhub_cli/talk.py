"""A conversation with a model: what was said, and the printing of what is being said."""

import time
from collections.abc import Iterable, Mapping
from contextlib import AbstractContextManager
from itertools import chain
from typing import TYPE_CHECKING

from modelhub_cli.commands.servers import is_model
from modelhub_cli.output import Output
from modelhub_cli.waiting import waiting
from modelhub_client import ChatMessage, ChatPiece
from modelhubd.trust.text import printable
from modelhubd.wire.servers import ServerState

if TYPE_CHECKING:
    from modelhub_client import Client

DIM, PLAIN = "\x1b[2m", "\x1b[0m"


class Talk:
    """What both have said so far goes along with each question. `options` are those of the request, `thinks`
    has the model think or not, where it can be told; `reasoning` shows it."""

    def __init__(
        self,
        daemon: "Client",
        out: Output,
        model: str,
        system: str | None,
        options: Mapping[str, float | None],
        *,
        reasoning: bool,
        thinks: bool | None = None,
        stats: bool = False,
    ) -> None:
        self.model = model
        self.system = system
        self.options = dict(options)
        self.reasoning = reasoning
        self.thinks = thinks
        self.stats = stats
        self._daemon = daemon
        self._out = out
        self._said: list[ChatMessage] = []

    def forget(self) -> None:
        """Begin anew; what it was told about its task stays."""
        self._said = []

    def take_back(self) -> str | None:
        """Forget the last question and its answer; the question, or None where there is none."""
        while self._said:
            last = self._said.pop()
            if last.role == "user":
                return last.content
        return None

    def ask(self, text: str) -> None:
        """Print the model's answer as it comes and remember both, even if it is stopped half-way."""
        asked = [*self._said, ChatMessage(role="user", content=text)]
        told = [ChatMessage(role="system", content=self.system)] if self.system else []
        if self._out.json:
            with self._until_it_speaks():
                whole = self._daemon.chat(self.model, [*told, *asked], reasoning=self.thinks, **self.options)
            self._out.value(whole)
            return
        reply: list[str] = []
        try:
            pieces = self._daemon.chat_stream(
                self.model, [*told, *asked], reasoning=self.thinks, **self.options
            )
            with self._until_it_speaks():
                first = next(pieces, ChatPiece())
            self._print(chain((first,), pieces), reply)
        finally:
            self._said = [*asked, ChatMessage(role="assistant", content="".join(reply))]

    def _until_it_speaks(self) -> AbstractContextManager[object]:
        """Shows what is waited for."""
        if not self._out.draws or not self._out.terminal:
            return waiting(self._out, f"Waiting for {self.model}")
        running = [server for server in self._daemon.servers().items if not server.state.ended]
        servers = [server for server in running if self.model == server.name or is_model(server, self.model)]
        ready = any(server.state is ServerState.READY for server in servers)
        from modelhub_cli.progress import spinner

        return spinner(self._out, "" if ready else f"Loading {printable(self.model)} …")

    def _print(self, pieces: Iterable[ChatPiece], reply: list[str]) -> None:
        dim, plain = (DIM, PLAIN) if self._out.colour else ("", "")
        thinking = False
        began, tokens = time.monotonic(), 0
        try:
            for piece in pieces:
                if piece.reasoning and self.reasoning and self._out.terminal:
                    start = "" if thinking else dim
                    thinking = True
                    self._out.write(start + printable(piece.reasoning, multiline=True))
                if piece.content:
                    end = plain + "\n\n" if thinking else ""
                    thinking = False
                    reply.append(piece.content)
                    self._out.write(end + printable(piece.content, multiline=True))
                if piece.usage is not None:
                    tokens = piece.usage.completion_tokens
        finally:
            self._out.write((plain if thinking else "") + "\n")
        if self.stats and tokens:
            seconds = max(time.monotonic() - began, 0.001)
            self._out.say(f"({tokens} tokens, {tokens / seconds:.1f} per second)")
