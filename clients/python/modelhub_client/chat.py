"""Chat completions in OpenAI's shapes, as far as a client needs them."""

from collections.abc import Sequence
from typing import Any, Literal

import msgspec

from modelhub_client.call import UNHURRIED_S, Call
from modelhub_client.errors import ClientError, UnexpectedAnswer, error_of

Speaker = Literal["system", "user", "assistant", "tool"]


class ChatMessage(msgspec.Struct, frozen=True, kw_only=True):
    role: Speaker
    content: str


class Usage(msgspec.Struct, frozen=True, kw_only=True):
    prompt_tokens: int = 0
    completion_tokens: int = 0


class ChatPiece(msgspec.Struct, frozen=True, kw_only=True):
    """A part of a streamed answer. `reasoning` is what a thinking model says to itself."""

    content: str = ""
    reasoning: str = ""
    finish_reason: str | None = None
    usage: Usage | None = None


class ChatReply(msgspec.Struct, frozen=True, kw_only=True):
    """A whole answer."""

    content: str
    reasoning: str = ""
    finish_reason: str | None = None
    usage: Usage | None = None
    model: str | None = None


class _Text(msgspec.Struct, frozen=True):
    content: str | None = None
    reasoning_content: str | None = None


class _Choice(msgspec.Struct, frozen=True):
    message: _Text = _Text()
    delta: _Text = _Text()
    finish_reason: str | None = None


class _Completion(msgspec.Struct, frozen=True):
    choices: tuple[_Choice, ...] = ()
    usage: Usage | None = None
    model: str | None = None


def chat_call(
    model: str,
    messages: Sequence[ChatMessage],
    *,
    stream: bool,
    max_tokens: int | None = None,
    temperature: float | None = None,
    seed: int | None = None,
    reasoning: bool | None = None,
    extra: dict[str, Any] | None = None,
) -> Call[_Completion]:
    """The request. `reasoning` switches it for this answer, whatever the model was loaded with, where its
    chat template has such a switch; `extra` holds further fields of the API as they are."""
    body: dict[str, Any] = {"model": model, "messages": list(messages), **(extra or {})}
    if reasoning is not None:
        kwargs = body.get("chat_template_kwargs", {})
        body["chat_template_kwargs"] = kwargs | {"enable_thinking": reasoning}
    optional = {"max_tokens": max_tokens, "temperature": temperature, "seed": seed}
    body.update({name: value for name, value in optional.items() if value is not None})
    if stream:
        body |= {"stream": True, "stream_options": {"include_usage": True}}
    return Call(
        method="POST",
        target="/v1/chat/completions",
        answer=_Completion,
        body=msgspec.json.encode(body),
        accept="text/event-stream" if stream else "application/json",
        timeout_s=UNHURRIED_S,
    )


def reply_of(completion: _Completion) -> ChatReply:
    choice = completion.choices[0] if completion.choices else _Choice()
    return ChatReply(
        content=choice.message.content or "",
        reasoning=choice.message.reasoning_content or "",
        finish_reason=choice.finish_reason,
        usage=completion.usage,
        model=completion.model,
    )


def piece_of(line: bytes) -> ChatPiece | None:
    """What a line of the stream adds; None when it adds nothing.

    Raises:
        ClientError: the server reports in the stream that it failed.
    """
    name, _, data = line.strip().partition(b":")
    data = data.strip()
    if name == b"error" or (name == b"data" and data.startswith(b'{"error"')):
        raise _failure(data)
    if name != b"data" or data == b"[DONE]":
        return None
    try:
        chunk = msgspec.json.decode(data, type=_Completion)
    except msgspec.MsgspecError as error:
        raise UnexpectedAnswer(f"A part of the answer cannot be read: {error}.") from error
    choice = chunk.choices[0] if chunk.choices else _Choice()
    piece = ChatPiece(
        content=choice.delta.content or "",
        reasoning=choice.delta.reasoning_content or "",
        finish_reason=choice.finish_reason,
        usage=chunk.usage,
    )
    return piece if piece != ChatPiece() else None


def _failure(data: bytes) -> ClientError:
    if not data.startswith(b'{"error"'):
        data = b'{"error":' + data + b"}"
    return error_of(502, data)
