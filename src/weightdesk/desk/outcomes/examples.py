"""The examples of the probe set: what of inputs, outputs and targets belongs to each of them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import torch
from jaxtyping import Int64
from torch import Tensor

from weightdesk.desk.engine.forward import Forward
from weightdesk.desk.nesting import mapped, tensors_of, with_tensors
from weightdesk.errors import OptionError
from weightdesk.explain.batch import Batch, batch_of

_TRIED: Final = 32
_TOLERANCE: Final = {torch.float64: 1e-9, torch.float32: 1e-4}


@dataclass(frozen=True, eq=False)
class Examples:
    """Tells the examples apart.

    Attributes:
        count: number of examples.
        apart: whether an example gives the same alone as among others, so that some can be run without
            the rest. Not so where a model compares its examples, or draws random numbers.
        owned: which tensors of the outputs have the examples on their first axis.
        tried: numbers of the examples that this was found out with.
        outputs: what the model returned for these.
    """

    count: int
    apart: bool
    owned: tuple[bool, ...]
    tried: Int64[Tensor, " tried"]
    outputs: Any

    def outputs_of(self, outputs: Any, chosen: Int64[Tensor, " chosen"]) -> Any:
        """What the model returned for some examples; a tensor that is not theirs stays as it is."""
        tensors = zip(tensors_of(outputs), self.owned, strict=True)
        return with_tensors(outputs, (_rows(each, chosen) if own else each for each, own in tensors))

    def targets_of(self, targets: Any, chosen: Int64[Tensor, " chosen"]) -> Any:
        """The targets of some examples; those of tokens may lie in one long row.

        >>> forward = Forward(torch.nn.Identity())
        >>> examples = find_examples(forward, torch.zeros(3, 2), {})
        >>> examples.targets_of(torch.arange(6), torch.tensor([2, 0]))
        tensor([4, 5, 0, 1])
        """

        def taken(each: Tensor) -> Tensor:
            if not each.ndim or len(each) % self.count:
                return each
            by_example = each.reshape(self.count, -1, *each.shape[1:])
            return _rows(by_example, chosen).flatten(0, 1)

        return mapped(targets, taken)


def find_examples(forward: Forward, inputs: Any, values: Mapping[str, Tensor]) -> Examples:
    """Find out on some examples which tensors of the outputs are theirs.

    Arguments:
        forward: runs the model.
        inputs: a tensor, a tuple of positional or a mapping of keyword arguments, examples on axis 0.
        values: the weights.

    Raises:
        OptionError: there are no examples in the inputs.
    """
    batch = batch_of(inputs)
    if batch.axis is None or not batch.size:
        raise OptionError("a desk needs inputs with at least one example on their first axis, got none")
    generator = torch.Generator().manual_seed(0)
    tried = torch.randperm(batch.size, generator=generator)[:_TRIED].sort().values
    outputs = forward(batch.take(inputs, tried), values)
    tensors = tensors_of(outputs)
    owned = [bool(each.ndim) and len(each) == len(tried) for each in tensors]
    if len(tried) == 1:
        return Examples(batch.size, True, tuple(owned), tried, outputs)
    pieces = _pieces(forward, batch, values, tried)
    if pieces is not None:
        owned = [own and bool(one.ndim) and len(one) == 1 for own, one in zip(owned, pieces[0], strict=True)]
    apart = pieces is not None and all(_agrees(*each) for each in zip(tensors, owned, *pieces, strict=True))
    return Examples(batch.size, apart, tuple(owned), tried, outputs)


def check_targets(targets: Any, count: int) -> None:
    """See that a tensor of targets has one for each example, or for each of their tokens.

    Raises:
        OptionError: it has not.
    """
    if isinstance(targets, Tensor) and (not targets.ndim or not len(targets) or len(targets) % count):
        raise OptionError(
            f"targets of shape {tuple(targets.shape)} do not belong to {count} examples; "
            "pass one for each on the first axis"
        )


def _pieces(
    forward: Forward, batch: Batch, values: Mapping[str, Tensor], tried: Tensor
) -> tuple[list[Tensor], list[Tensor]] | None:
    """What the first example gives alone, and the others without it; None where they cannot be run."""
    try:
        alone, others = (
            tensors_of(forward(batch.take(batch.inputs, each), values)) for each in (tried[:1], tried[1:])
        )
    except (RuntimeError, ValueError, TypeError, IndexError, AssertionError):
        return None
    return alone, others


def _agrees(whole: Tensor, own: bool, alone: Tensor, others: Tensor) -> bool:
    if not own:
        return all(_near(whole, each) for each in (alone, others))
    return alone.shape[1:] == others.shape[1:] and _near(whole, torch.cat([alone, others]))


def _near(one: Tensor, other: Tensor) -> bool:
    if one.shape != other.shape:
        return False
    if not one.is_floating_point():
        return torch.equal(one, other)
    finite = one[one.isfinite()].abs()
    near = _TOLERANCE.get(one.dtype, 3e-2) * float(finite.max() if len(finite) else 0)
    return torch.allclose(one, other, rtol=0, atol=near, equal_nan=True)


def _rows(tensor: Tensor, chosen: Tensor) -> Tensor:
    return tensor.index_select(0, chosen.to(tensor.device))
