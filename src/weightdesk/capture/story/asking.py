"""What the layers are asked about, of which examples they may learn it, and of which they are judged."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import torch
from jaxtyping import Int64
from torch import Tensor

from weightdesk.capture.specimen import Specimen
from weightdesk.capture.story.properties import properties_of
from weightdesk.errors import OptionError
from weightdesk.properties import Property

TASK: Final = "task"
"""What the network itself was trained to tell."""

_LEARNED: Final = 0.7  # share of the examples that probes and retrained layers learn from
_FEWEST: Final = 5  # judged examples of a property


@dataclass(frozen=True, eq=False)
class Question:
    """The same questions for all layers, on the same examples.

    Attributes:
        task: the class of each example.
        others: what else is true of them, without what is the task by another name.
        learned: the examples to learn from.
        judged: the other ones.
    """

    task: Property
    others: tuple[Property, ...]
    learned: Int64[Tensor, " learned"]
    judged: Int64[Tensor, " judged"]

    @property
    def all(self) -> tuple[Property, ...]:
        """The task, then the others."""
        return (self.task, *self.others)


def question(specimen: Specimen, seed: int = 0) -> Question:
    """Deal out the examples and see what can be asked of them.

    Arguments:
        specimen: a classifier; its properties, or those that can be measured, are asked for, too.
        seed: of the dealing.

    Raises:
        OptionError: nothing is classified, or there are too few examples.

    >>> net, inputs = torch.nn.Linear(2, 2), torch.zeros(20, 2)
    >>> found = question(Specimen(net, inputs, torch.arange(20) % 2, ("a", "b")))
    >>> found.task.name, len(found.learned), len(found.judged)
    ('task', 14, 6)
    """
    labels = labels_of(specimen)
    order = torch.randperm(len(specimen), generator=torch.Generator().manual_seed(seed))
    learned, judged = order[: round(_LEARNED * len(order))], order[round(_LEARNED * len(order)) :]
    if len(judged) < _FEWEST:
        raise OptionError(f"{len(specimen)} examples are too few to learn from some and judge by the others")
    found = properties_of(specimen)
    same = next((each for each in found if torch.equal(each.values, labels)), None)
    task = Property(TASK, labels, specimen.class_names, None if same is None else same.level)
    others = (each for each in found if each is not same and _can_be_asked(each, learned, judged))
    return Question(task, tuple(others), learned, judged)


def labels_of(specimen: Specimen) -> Int64[Tensor, " examples"]:
    """The class of each example.

    Raises:
        OptionError: nothing is classified.

    >>> labels_of(Specimen(torch.nn.Linear(1, 2), torch.zeros(2, 1), torch.tensor([0, 1]), ("a", "b")))
    tensor([0, 1])
    """
    if specimen.labels is None or not specimen.class_names:
        raise OptionError("the layers can be compared where a class is predicted; these targets are none")
    return specimen.labels


def _can_be_asked(one: Property, learned: Tensor, judged: Tensor) -> bool:
    """Whether enough examples of two classes can be told to learn from, and enough to judge by."""
    told = one.values[learned]
    known = told[told >= 0]
    return bool((known != known[:1]).any()) and int((one.values[judged] >= 0).sum()) >= _FEWEST
