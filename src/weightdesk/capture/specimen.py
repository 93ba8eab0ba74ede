"""A network as it stands, with the examples on which it is studied."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Self

import torch
from jaxtyping import Int64, Num
from torch import Tensor, nn

from weightdesk.errors import OptionError
from weightdesk.properties import Property


@dataclass(frozen=True, eq=False)
class Specimen:
    """What is studied: one network, with its weights as they are, and examples.

    Attributes:
        model: in evaluation mode; it is run, and never changed.
        inputs: examples on axis 0: pictures, rows of numbers, or rows of token numbers.
        targets: the class of each example, or amounts; None where there are none.
        class_names: a name for each class; empty where nothing is classified.
        properties: what else is true of the examples.
        tokens: what each token number stands for; empty where inputs are no tokens.

    Raises:
        OptionError: there are not as many targets, or values of a property, as examples.

    >>> specimen = Specimen(nn.Linear(2, 3), torch.zeros(5, 2), torch.tensor([0, 1, 2, 0, 1]))
    >>> len(specimen), len(specimen.of_examples([0, 4]))
    (5, 2)
    """

    model: nn.Module
    inputs: Num[Tensor, "examples ..."]
    targets: Num[Tensor, "examples ..."] | None = None
    class_names: tuple[str, ...] = ()
    properties: tuple[Property, ...] = ()
    tokens: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        of_properties = {f"property {each.name!r}": each.values for each in self.properties}
        known = {"targets": self.targets, **of_properties}
        for name, values in known.items():
            if values is not None and len(values) != len(self.inputs):
                raise OptionError(f"{name}: expected one for each of {len(self)} examples, got {len(values)}")

    def __len__(self) -> int:
        return len(self.inputs)

    @property
    def labels(self) -> Int64[Tensor, " examples"] | None:
        """The class of each example; None where nothing is classified."""
        whole = self.targets is not None and self.targets.ndim == 1 and not self.targets.is_floating_point()
        return self.targets if whole else None

    def of_examples(self, examples: Sequence[int] | Int64[Tensor, " chosen"]) -> Self:
        """The same network with some of the examples."""
        chosen = torch.as_tensor(examples)
        return replace(
            self,
            inputs=self.inputs[chosen],
            targets=None if self.targets is None else self.targets[chosen],
            properties=tuple(each.of_examples(chosen) for each in self.properties),
        )

    def with_model(self, model: nn.Module) -> Self:
        """Another network on the same examples."""
        return replace(self, model=model)
