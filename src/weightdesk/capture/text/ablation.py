"""What attention heads are good for: what the network loses without one of them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn import functional

from weightdesk.capture.baselines import scrambled
from weightdesk.capture.progress import Progress, followed, part, silent
from weightdesk.capture.specimen import Specimen
from weightdesk.capture.story.resampling import Estimate
from weightdesk.capture.text.estimate import by_chance, change_of_share, columns_of, mean_estimate
from weightdesk.capture.text.heads import Change, attending, unchanged
from weightdesk.capture.text.margin import classes_of, logits
from weightdesk.capture.text.reading import Text, reading
from weightdesk.errors import OptionError
from weightdesk.explain.page import Page, Section, section

KINDS: Final = ("zero", "mean")
"""What stands in the place of a head's results: nothing, or their mean over all words of all texts."""


@dataclass(frozen=True, eq=False)
class Role:
    """What the network loses without one head.

    Attributes:
        module: where it is computed.
        head: its number there.
        loss: by kind of ablation, the change of the cross-entropy in nats.
        accuracy: by kind of ablation, the change of the share of right answers.
        scrambled: by kind, the change of the loss in scrambled networks.
    """

    module: str
    head: int
    loss: Mapping[str, Estimate]
    accuracy: Mapping[str, Estimate]
    scrambled: Mapping[str, Estimate]


@dataclass(frozen=True, eq=False)
class HeadRoles(Page):
    """The roles of all heads.

    Attributes:
        heads: those that the network needs most first, by the loss with zeros in their place.
        loss: of the whole network.
        accuracy: of the whole network.
    """

    heads: tuple[Role, ...]
    loss: float
    accuracy: float

    @property
    def title(self) -> str:
        """Which head is needed most."""
        most = self.heads[0]
        where = most.module or "the network"
        return f"without head {most.head} of {where} the loss changes by {most.loss['zero'].value:+.3g}"

    def sections(self) -> list[Section]:
        """A table for each kind of ablation."""
        return [self._section(kind) for kind in KINDS]

    def _section(self, kind: str) -> Section:
        columns = {
            "module": [each.module for each in self.heads],
            "head": [each.head for each in self.heads],
            **columns_of("loss", [each.loss[kind] for each in self.heads]),
            **columns_of("accuracy", [each.accuracy[kind] for each in self.heads]),
            **columns_of("loss, scrambled weights", [each.scrambled[kind] for each in self.heads]),
        }
        note = f"changes from a loss of {self.loss:.4g} and an accuracy of {self.accuracy:.2%}"
        return section(f"{kind} in place of a head", columns, bars=["loss", "accuracy"], note=note)


def head_roles(
    specimen: Specimen, *, scrambles: int = 5, seed: int = 0, progress: Progress = silent
) -> HeadRoles:
    """Run the network again with each head's results replaced, by zeros and by their mean; exact.

    Arguments:
        specimen: a network that reads texts and has attention heads, and the texts' classes.
        scrambles: scrambled networks by which chance is judged.
        seed: of the scrambling.
        progress: told how far it is.

    Raises:
        OptionError: the network reads no texts or has no heads, classes are unknown, or scrambles is not
            positive.

    Source: Michel, Levy and Neubig 2019, Are sixteen heads really better than one?

    >>> head_roles(Specimen(torch.nn.Embedding(4, 2), torch.tensor([[1, 2]]), torch.tensor([0])))
    Traceback (most recent call last):
    ...
    weightdesk.errors.OptionError: Embedding has no attention heads among the words
    """
    if scrambles < 1:
        raise OptionError(f"scrambles must be 1 or more, got {scrambles}")
    text, classes = reading(specimen), classes_of(specimen)
    means = _means(text)
    if not means:
        raise OptionError(f"{type(specimen.model).__name__} has no attention heads among the words")
    whole = _scores(text, classes, unchanged)
    found = _ablated(text, classes, means, part(progress, 0, 1 / (scrambles + 1)))
    random = [
        _losses(text.with_model(scrambled(specimen.model, seed + draw)), classes)
        for draw in followed(range(scrambles), "scrambled networks", part(progress, 1 / (scrambles + 1), 1))
    ]
    roles = [
        Role(
            module, head,
            {kind: mean_estimate(found[module, head, kind][0] - whole[0]) for kind in KINDS},
            {kind: change_of_share(found[module, head, kind][1] - whole[1]) for kind in KINDS},
            {kind: by_chance([each[module, head, kind] for each in random]) for kind in KINDS},
        )
        for module, mean in means.items() for head in range(len(mean))
    ]  # fmt: skip
    roles.sort(key=lambda each: -each.loss["zero"].value)
    return HeadRoles(tuple(roles), float(whole[0].mean()), float(whole[1].mean()))


_Scores = tuple[Float[Tensor, " texts"], Float[Tensor, " texts"]]


def _ablated(
    text: Text, classes: Tensor, means: Mapping[str, Tensor], progress: Progress
) -> dict[tuple[str, int, str], _Scores]:
    """By head and kind, the loss of each text and whether it is answered right, without the head."""
    heads = [(module, head) for module, each in means.items() for head in range(len(each))]
    return {
        (module, head, kind): _scores(text, classes, _replace(module, head, means[module] * (kind == "mean")))
        for module, head in followed(heads, "heads", progress)
        for kind in KINDS
    }


def _losses(text: Text, classes: Tensor) -> dict[tuple[str, int, str], float]:
    """By head and kind, the mean change of the loss."""
    whole = _scores(text, classes, unchanged)[0]
    found = _ablated(text, classes, _means(text), silent)
    return {which: float((losses - whole).mean()) for which, (losses, _) in found.items()}


def _replace(module: str, head: int, means: Float[Tensor, "heads size"]) -> Change:
    def change(where: str, outputs: Tensor) -> Tensor:
        if where != module:
            return outputs
        others = outputs.clone()
        others[:, head] = means[head].to(outputs)
        return others

    return change


def _scores(text: Text, classes: Tensor, change: Change) -> _Scores:
    parts = []
    for some, _real in text.batches():
        # anew for each batch, as modules that run again are told apart by what was heard before
        with attending(text.specimen.model, text.real.shape[1], change):
            parts.append(logits(text.specimen.model, some))
    outputs = torch.cat(parts)
    losses = functional.cross_entropy(outputs.double(), classes, reduction="none")
    return losses.cpu(), (outputs.argmax(1) == classes).double().cpu()


def _means(text: Text) -> dict[str, Float[Tensor, "heads size"]]:
    """By module, the mean of each head's results over all words of all texts."""
    sums: dict[str, Tensor] = {}
    with torch.no_grad(), attending(text.specimen.model, text.real.shape[1]) as heard:
        for some, real in text.batches():
            heard.clear()
            text.specimen.model(some)
            for module, heads in heard.items():
                total = (heads.outputs.double() * real[:, None, :, None]).sum((0, 2))
                sums[module] = sums[module] + total if module in sums else total
    return {module: total / text.real.sum() for module, total in sums.items()}
