"""What a template must be to be stored and shown."""

from collections import Counter
from collections.abc import Iterator

from modelhubd.errors import InvalidInput
from modelhubd.trust.names import is_model_id
from modelhubd.trust.text import fault_in_text
from modelhubd.wire.problem import FieldError
from modelhubd.wire.registry import PutTemplate


def check_template(asked: PutTemplate) -> None:
    """Let pass what can be stored.

    Raises:
        InvalidInput: with every fault.
    """
    faults = tuple(_faults(asked))
    if faults:
        raise InvalidInput(f"{faults[0].pointer}: {faults[0].detail}", errors=faults)


def _faults(asked: PutTemplate) -> Iterator[FieldError]:
    if not asked.name.strip():
        yield FieldError(pointer="/name", detail="a name has letters")
    elif (fault := fault_in_text(asked.name)) is not None:
        yield FieldError(pointer="/name", detail=fault)
    if (fault := fault_in_text(asked.description, multiline=True)) is not None:
        yield FieldError(pointer="/description", detail=fault)
    for index, model in enumerate(asked.models):
        if not is_model_id(model):
            yield FieldError(pointer=f"/models/{index}", detail="not a model id, publisher/name")
    for model, times in Counter(asked.models).items():
        if times > 1:
            yield FieldError(pointer="/models", detail=f"{model!r} stands in it {times} times")
