"""A data set as tensors, checked once and for all when it is made."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, TypeAlias

from jaxtyping import Num
from torch import Tensor

from weightdesk.errors import DataError
from weightdesk.properties import Property

Task: TypeAlias = Literal["classification", "regression"]
TASKS: tuple[Task, ...] = ("classification", "regression")


@dataclass(frozen=True, kw_only=True)
class Dataset:
    """Examples and what is to be predicted of them.

    Arguments:
        inputs: one example a row; pictures as (channels, height, width).
        targets: class numbers from 0 for a classification, one row of values otherwise.
        task: what kind of thing is predicted.
        class_names: name of each class, in the order of their numbers.
        feature_names: name of each input where inputs are not pictures.
        target_names: name of each predicted value of a regression.
        given_test: so many examples at the end were set apart as test data by the data's authors.
        planted: the weight of each feature that made the targets, where that is known.
        sample_rate: examples a second where examples are moments of a sound.
        properties: what else is true of each example, by which the layers can be probed.
        tokens: what each token number stands for, where inputs are rows of such numbers.

    Raises:
        DataError: nothing, or nothing that can be learned from, is in the data.

    >>> xor = Dataset(
    ...     inputs=torch.tensor([[0.0, 0.0], [0.0, 1.0]]), targets=torch.tensor([0, 1]),
    ...     task="classification", class_names=("same", "different"),
    ... )
    >>> len(xor), xor.input_shape, xor.outputs
    (2, (2,), 2)

    """

    inputs: Num[Tensor, "examples ..."]
    targets: Num[Tensor, "examples ..."]
    task: Task
    class_names: tuple[str, ...] = ()
    feature_names: tuple[str, ...] = ()
    target_names: tuple[str, ...] = ()
    given_test: int = 0
    planted: Mapping[str, float] = field(default_factory=dict)
    sample_rate: int | None = None
    properties: tuple[Property, ...] = ()
    tokens: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if len(self.inputs) == 0 or self.inputs[0].numel() == 0:
            raise DataError(
                f"the data hold nothing to learn from: inputs of shape {tuple(self.inputs.shape)}"
            )
        if len(self.inputs) != len(self.targets):
            raise DataError(
                f"inputs and targets must be of one length, got {len(self.inputs)} inputs and "
                f"{len(self.targets)} targets"
            )
        for name, tensor in (("inputs", self.inputs), ("targets", self.targets)):
            _refuse_nonfinite(name, tensor)
        if self.task == "classification":
            _refuse_odd_labels(self.targets, self.class_names)

    def __len__(self) -> int:
        return len(self.inputs)

    @property
    def input_shape(self) -> tuple[int, ...]:
        """Shape of one example."""
        return tuple(self.inputs.shape[1:])

    @property
    def outputs(self) -> int:
        """How many numbers a network must put out: one a class, or one a predicted value."""
        return len(self.class_names) if self.task == "classification" else self.targets.shape[1]

    def describe(self) -> dict[str, Any]:
        """Return what is needed to build the network again without the data, as plain JSON values."""
        return {
            "task": self.task,
            "examples": len(self),
            "input_shape": list(self.input_shape),
            "outputs": self.outputs,
            "class_names": list(self.class_names),
            "feature_names": list(self.feature_names),
            "target_names": list(self.target_names),
            "planted": dict(self.planted),
            "sample_rate": self.sample_rate,
            "tokens": list(self.tokens),
        }


def _refuse_nonfinite(name: str, tensor: Tensor) -> None:
    finite = tensor.isfinite().flatten(1).all(dim=1) if tensor.ndim > 1 else tensor.isfinite()
    if not bool(finite.all()):
        row = int((~finite).nonzero()[0]) + 1
        raise DataError(
            f"{name} must be finite numbers, got NaN or infinity in example {row}; remove or fill it"
        )


def _refuse_odd_labels(labels: Tensor, class_names: tuple[str, ...]) -> None:
    lowest, highest = int(labels.min()), int(labels.max())
    if lowest == highest or len(class_names) < 2:
        only = dict(enumerate(class_names)).get(lowest, lowest)
        raise DataError(f"the targets hold one class only ({only}); a classification needs at least two")
    if lowest < 0 or highest >= len(class_names):
        raise DataError(
            f"labels must be 0 to {len(class_names) - 1}, one for each of {len(class_names)} classes, got "
            f"{lowest if lowest < 0 else highest}; number the classes from 0 without gaps"
        )
