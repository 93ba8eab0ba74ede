"""Put recorded weights back into a model."""

from __future__ import annotations

from collections.abc import Mapping

from torch import Tensor, nn

from weightdesk.errors import OptionError, closest


def load_state(model: nn.Module, state: Mapping[str, Tensor], place: str) -> None:
    """Copy every tensor into the model, or none at all.

    Args:
        model: the model; its state dict must have exactly these tensors, in these shapes.
        state: tensors by the names of the model's state dict.
        place: where the tensors come from, for the message.

    Raises:
        OptionError: a tensor is missing, left over, or of another shape.

    >>> import torch
    >>> model = nn.Linear(2, 1, bias=False)
    >>> load_state(model, {"weight": torch.ones(1, 2)}, "a snapshot")
    >>> model.weight.data
    tensor([[1., 1.]])
    """
    own = {name: each for name, each in model.state_dict().items() if isinstance(each, Tensor)}
    missing, left_over = own.keys() - state.keys(), state.keys() - own.keys()
    if missing or left_over:
        odd = sorted(missing or left_over)[0]
        side, other = ("not in the recording", state) if missing else ("not in the model", own)
        raise OptionError(
            f"the model does not fit {place}: {len(missing)} of its tensors are not recorded and "
            f"{len(left_over)} recorded ones it lacks; {odd} is {side}, {closest(odd, other)}"
        )
    for name, tensor in own.items():
        if tensor.shape != state[name].shape:
            raise OptionError(
                f"the model does not fit {place}: {name} has shape {tuple(tensor.shape)}, "
                f"recorded is {tuple(state[name].shape)}; build it as it was when it was recorded"
            )
    model.load_state_dict(dict(state), strict=False)
