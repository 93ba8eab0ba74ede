"""The input that a question is about: an example of the probe set, or numbers or tokens of one's own."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from weightdesk.errors import OptionError
from weightdesk.server.session import Session
from weightdesk.server.tokens import checked, takes


def given_input(session: Session, example: int, own: Sequence[float] | None) -> Tensor:
    """The input as a batch of one.

    Raises:
        OptionError: there is no such example, the numbers are too few or too many or those of no tokens,
            or the network takes more than one tensor.
    """
    inputs = session.subject.inputs
    if not isinstance(inputs, Tensor):
        raise OptionError("only networks that take one tensor can be heard on a single input")
    if own is None:
        if example >= len(inputs):
            raise OptionError(f"example {example} does not exist: expected 0…{len(inputs) - 1}")
        return inputs[example : example + 1]
    if session.subject.takes_tokens:
        return _row_of_tokens(session, own).to(inputs)
    if len(own) != inputs[0].numel():
        raise OptionError(f"an input has {inputs[0].numel()} numbers, got {len(own)}")
    return torch.tensor(own, dtype=inputs.dtype).reshape(inputs[:1].shape)


def _row_of_tokens(session: Session, own: Sequence[float]) -> Tensor:
    numbers = checked(session.subject, own)
    if not takes(session, len(numbers)):
        length = session.subject.inputs.shape[1]
        raise OptionError(f"the network takes no {len(numbers)} tokens: the examples have {length}")
    return torch.tensor([numbers])
