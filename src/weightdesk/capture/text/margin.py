"""How far a network prefers one class: the number whose reasons are asked for."""

from __future__ import annotations

import torch
from jaxtyping import Float, Num
from torch import Tensor, nn

from weightdesk.capture.activations import BATCH
from weightdesk.capture.layers import unfused
from weightdesk.capture.specimen import Specimen
from weightdesk.errors import OptionError, closest


def contrast(classes: int, toward: int) -> Float[Tensor, " outputs"]:
    """The weights of the outputs in the margin: the class's logit minus the mean of the others.

    With two classes this is the difference of their logits. A single output stands for class 1.

    >>> contrast(3, 1).tolist(), contrast(1, 0).tolist()
    ([-0.5, 1.0, -0.5], [-1.0])
    """
    if classes == 1:
        return torch.tensor([1.0 if toward else -1.0])
    weights = torch.full((classes,), -1 / (classes - 1))
    weights[toward] = 1
    return weights


def margins(outputs: Float[Tensor, "examples outputs"], toward: int) -> Float[Tensor, " examples"]:
    """How far each example is preferred to be of a class, in logits.

    >>> margins(torch.tensor([[1.0, 4.0]]), toward=1)
    tensor([3.])
    """
    return outputs @ contrast(outputs.shape[1], toward).to(outputs)


def logits(
    model: nn.Module, inputs: Num[Tensor, "examples ..."], batch: int = BATCH
) -> Float[Tensor, "examples outputs"]:
    """What a network puts out for each example.

    Raises:
        OptionError: it is not a row of numbers for each example.

    >>> logits(nn.Identity(), torch.zeros(3, 2)).shape
    torch.Size([3, 2])
    """
    with torch.no_grad(), unfused():
        outputs = torch.cat([model(some) for some in torch.split(inputs, batch)])
    if outputs.ndim != 2 or len(outputs) != len(inputs):
        raise OptionError(
            f"outputs must be a row of class scores for each example, got shape {tuple(outputs.shape)}"
        )
    return outputs


def class_number(specimen: Specimen, toward: int | str | None) -> int:
    """The number of a class given by name or number; the last one if none is given.

    Raises:
        OptionError: there is no such class.

    >>> class_number(Specimen(nn.Identity(), torch.zeros(1, 2), class_names=("bad", "good")), "bad")
    0
    """
    names = specimen.class_names
    if isinstance(toward, str):
        if toward not in names:
            raise OptionError(f"there is no class {toward!r}; {closest(toward, names)}")
        return names.index(toward)
    count = len(names) or max(2, logits(specimen.model, specimen.inputs[:1]).shape[1])
    number = count - 1 if toward is None else toward
    if not 0 <= number < count:
        raise OptionError(f"classes are numbered from 0 to {count - 1}, got {toward}")
    return number


def class_name(specimen: Specimen, number: int) -> str:
    """The name of a class, or its number."""
    return specimen.class_names[number] if number < len(specimen.class_names) else f"class {number}"


def classes_of(specimen: Specimen) -> Tensor:
    """The class of each example.

    Raises:
        OptionError: they are not known.
    """
    if specimen.labels is None:
        raise OptionError("the class of each example must be known: give targets of whole numbers")
    return specimen.labels
