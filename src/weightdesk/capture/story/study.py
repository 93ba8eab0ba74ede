"""A network beside those that it is compared with, on the same examples."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from jaxtyping import Float64
from torch import Tensor, nn

from weightdesk.capture.baselines import baselines
from weightdesk.capture.digests import of_examples, of_weights
from weightdesk.capture.layers import layers_of
from weightdesk.capture.specimen import Specimen
from weightdesk.capture.story.representation import representations


@dataclass(frozen=True, eq=False)
class Study:
    """What the parts of a layer story work on.

    Attributes:
        specimen: the network and the examples.
        untrained: the network at step 0; None where that is not known.
        others: other networks by name, such as other steps of the run or other runs.
        seed: of all that is drawn.

    >>> import torch
    >>> study = Study(Specimen(nn.Linear(2, 3), torch.zeros(5, 2)))
    >>> list(study.networks), list(study.own)
    (['this network', 'scrambled weights'], ['inputs', ''])
    """

    specimen: Specimen
    untrained: nn.Module | None = None
    others: Mapping[str, nn.Module] = field(default_factory=dict)
    seed: int = 0

    @cached_property
    def networks(self) -> Mapping[str, nn.Module]:
        """All networks by name, the studied one first, then the baselines."""
        return baselines(self.specimen.model, self.seed, self.untrained) | dict(self.others)

    @property
    def baselines(self) -> tuple[str, ...]:
        """The names of the networks that have learned nothing."""
        return tuple(name for name in list(self.networks)[1:] if name not in self.others)

    @property
    def own(self) -> Mapping[str, Float64[Tensor, "examples features"]]:
        """What each layer of the studied network makes of the examples."""
        return next(iter(self.features.values()))

    @cached_property
    def features(self) -> Mapping[str, Mapping[str, Float64[Tensor, "examples features"]]]:
        """By network, and by layer, what it makes of the examples."""
        inputs = self.specimen.inputs
        return {
            name: representations(model, inputs, layers_of(model, inputs))
            for name, model in self.networks.items()
        }

    @cached_property
    def about(self) -> dict[str, Any]:
        """What decides every result, as plain JSON values."""
        return {
            "weights": {name: of_weights(model) for name, model in self.networks.items()},
            "examples": of_examples(self.specimen),
            "seed": self.seed,
        }
