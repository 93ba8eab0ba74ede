"""How words move through the embedding while the network is trained."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from weightdesk.capture.progress import Progress, followed, silent
from weightdesk.capture.specimen import Specimen
from weightdesk.capture.story.resampling import Estimate
from weightdesk.capture.text.association import association, bounded
from weightdesk.capture.text.axis import coordinates_of, places_of
from weightdesk.capture.text.estimate import columns_of
from weightdesk.capture.text.margin import class_name, class_number, classes_of
from weightdesk.capture.text.reading import reading
from weightdesk.errors import OptionError, closest
from weightdesk.explain.page import Page, Section, section
from weightdesk.types import Step


@dataclass(frozen=True, eq=False)
class Movement(Page):
    """The ways of the words through the snapshots of a run.

    Attributes:
        toward: the class to which positive coordinates lead.
        steps: the snapshots.
        words: those that the texts use.
        numbers: their token numbers.
        path: the length of each word's way from snapshot to snapshot; the true way is no shorter.
        displacement: the distance of its end from its start.
        coordinates: where each word is on the axis that the network had at each step.
        agreements: of the axis with the texts at each step, as in `polarity`; step 0 is the baseline.
    """

    toward: str
    steps: tuple[int, ...]
    words: tuple[str, ...]
    numbers: Int[Tensor, " words"]
    path: Float[Tensor, " words"]
    displacement: Float[Tensor, " words"]
    coordinates: Float[Tensor, "steps words"]
    agreements: tuple[Estimate, ...]

    def course(self, word: str) -> Float[Tensor, " steps"]:
        """The coordinates of a word, step by step.

        Raises:
            OptionError: the texts do not use it.
        """
        if word not in self.words:
            raise OptionError(f"the texts do not use the word {word!r}; {closest(word, self.words)}")
        return self.coordinates[:, self.words.index(word)]

    @property
    def title(self) -> str:
        """Over which steps."""
        return f"how {len(self.words)} words moved from step {self.steps[0]} to {self.steps[-1]}"

    def sections(self) -> list[Section]:
        """The words that moved farthest first, and when the axis formed."""
        order = self.displacement.argsort(descending=True, stable=True)
        columns = {
            "word": [self.words[place] for place in order.tolist()],
            "displacement": self.displacement[order].tolist(),
            "path": self.path[order].tolist(),
            f"at step {self.steps[0]}": self.coordinates[0][order].tolist(),
            f"at step {self.steps[-1]}": self.coordinates[-1][order].tolist(),
        }
        note = (
            f"coordinates on the axis toward {self.toward} of the same step; "
            f"median displacement {self.displacement.median():.3g}; paths through {len(self.steps)} snapshots"
        )
        scores = {"step": list(self.steps), **columns_of("Spearman", self.agreements)}
        return [
            section("words", columns, bars=["displacement", f"at step {self.steps[-1]}"], note=note),
            section("agreement with the texts", scores, bars=["Spearman"]),
        ]


def movement(
    model_at: Callable[[Step], nn.Module],
    steps: Sequence[Step],
    specimen: Specimen,
    toward: int | str | None = None,
    *,
    progress: Progress = silent,
) -> Movement:
    """Follow the words through the snapshots of a run.

    Arguments:
        model_at: the network of a step in evaluation mode; it may be the same module each time.
        steps: the snapshots, such as the run's `steps`, one or more.
        specimen: texts and their classes, and a network of the same build; its weights are not used.
        toward: a class by number or name; the last one if not given.
        progress: told how far it is.

    Raises:
        OptionError: the network reads no texts, the texts' classes are unknown, or there is no step.

    >>> net = nn.Sequential(nn.Embedding(3, 1), nn.Flatten(), nn.Linear(2, 2)).requires_grad_(False)
    >>> def model_at(step):
    ...     _ = net[0].weight.copy_(torch.tensor([[0.0], [1.0 * step], [0.0]]))
    ...     return net
    >>> texts, tokens = torch.tensor([[1, 2]] * 5), ("<pad>", "a", "b")
    >>> specimen = Specimen(net, texts, torch.zeros(5).long(), tokens=tokens)
    >>> found = movement(model_at, (0, 3, 2), specimen)
    >>> found.words, found.displacement.tolist(), found.path.tolist()
    (('a', 'b'), [3.0, 0.0], [3.0, 0.0])
    """
    steps = sorted(set(steps))
    if not steps:
        raise OptionError("steps must name at least one snapshot")
    text, number = reading(specimen), class_number(specimen, toward)
    member, texts = classes_of(specimen).cpu() == number, association(text)
    used = (text.uses > 0).nonzero().view(-1)
    where = places_of(texts.words, used)
    vectors, along = [], []
    for step in followed(steps, "snapshots", progress):
        there = text.with_model(model_at(step))
        vectors.append(there.vectors[used])
        along.append(coordinates_of(there, number, texts.words))
    ways = [(after - before).norm(dim=1) for before, after in pairwise(vectors)]
    return Movement(
        class_name(specimen, number), tuple(steps), tuple(text.word(word) for word in used.tolist()), used,
        torch.stack(ways).sum(0) if ways else torch.zeros(len(used)).double(),
        (vectors[-1] - vectors[0]).norm(dim=1), torch.stack(along),
        tuple(bounded(texts.agreement(each[where], member), len(texts.words)) for each in along),
    )  # fmt: skip
