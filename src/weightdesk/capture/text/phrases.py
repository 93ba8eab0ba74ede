"""The phrases that excite the units of convolutions over words most."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch

from weightdesk.capture.baselines import scrambled
from weightdesk.capture.progress import Progress, followed, silent
from weightdesk.capture.specimen import Specimen
from weightdesk.capture.story.resampling import Estimate
from weightdesk.capture.text.estimate import by_chance, columns_of, mean_estimate
from weightdesk.capture.text.exciting import UnitPhrase, search, unit_phrases
from weightdesk.capture.text.margin import class_name, class_number
from weightdesk.capture.text.reading import reading
from weightdesk.capture.text.windows import filters_of
from weightdesk.errors import OptionError
from weightdesk.explain.page import Page, Section, section


@dataclass(frozen=True, eq=False)
class Phrases(Page):
    """The phrases of all units.

    Attributes:
        toward: the class to which positive pushes lead.
        phrases: by unit, the most exciting first.
        base: share of the texts that are of the class.
        agreement: mean over the units of how much more frequent the class that a unit pushes is among
            the texts with its phrases than among all; None where pushes or classes are unknown.
        scrambled: the same with scrambled weights.
    """

    toward: str
    phrases: tuple[UnitPhrase, ...]
    base: float
    agreement: Estimate | None
    scrambled: Estimate | None

    def of_unit(self, layer: str, unit: int) -> tuple[UnitPhrase, ...]:
        """The phrases of one unit, the most exciting first."""
        return tuple(each for each in self.phrases if (each.layer, each.unit) == (layer, unit))

    @property
    def title(self) -> str:
        """How many units."""
        return f"the phrases that excite {len({(each.layer, each.unit) for each in self.phrases})} units most"

    def sections(self) -> list[Section]:
        """All phrases, and what the pushes are worth beside chance."""
        names = ("layer", "unit", "words", "core", "window", "activation", "count", "share", "push")
        columns = {name: [getattr(each, name) for each in self.phrases] for name in names}
        note = f"share and push: of the class {self.toward}, to which {self.base:.1%} of the texts belong"
        return [section("phrases", columns, bars=["activation", "push"], note=note), *self._score()]

    def _score(self) -> list[Section]:
        if self.agreement is None or self.scrambled is None:
            return []
        rows = {"this network": self.agreement, "scrambled weights": self.scrambled}
        columns = {"of": list(rows), **columns_of("excess", list(rows.values()))}
        note = "how much more frequent the class that a unit pushes is among texts with its phrases"
        return [section("agreement with the texts", columns, bars=["excess"], note=note)]


def top_phrases(
    specimen: Specimen,
    count: int = 5,
    toward: int | str | None = None,
    *,
    least: int = 1,
    scrambles: int = 5,
    seed: int = 0,
    progress: Progress = silent,
) -> Phrases:
    """Find for each convolution unit the windows of words in the texts that excite it most.

    Every different window is looked at, each where it is first; what a unit makes of one depends on
    nothing else. A phrase is what carries the activation, 90 % of it, with the words that the texts
    almost always put around it; of windows with one phrase only the most exciting counts. Windows that
    leave a unit at 0 are left out, and those of padding alone.

    Arguments:
        specimen: a network with convolutions over embedded words, and texts.
        count: phrases of each unit.
        toward: a class by number or name; the last one if not given.
        least: how often the texts must have a phrase, as the most exciting windows of all are chance
            neighbours that the texts have once.
        scrambles: scrambled networks by which chance is judged.
        seed: of the scrambling.
        progress: told how far it is.

    Raises:
        OptionError: the network reads no texts or has no such convolution, or a number is not positive.

    Source: Jacovi, Sar Shalom and Goldberg 2018, Understanding convolutional neural networks for text
    classification.

    >>> top_phrases(Specimen(torch.nn.Embedding(4, 2), torch.tensor([[1, 2, 3]]), class_names=("no", "yes")))
    Traceback (most recent call last):
    ...
    weightdesk.errors.OptionError: Embedding has no nn.Conv1d that is given the embedded words
    """
    if min(count, least, scrambles) < 1:
        raise OptionError(f"count, least and scrambles must be 1 or more, got {(count, least, scrambles)}")
    text, number = reading(specimen), class_number(specimen, toward)
    if not filters_of(text):
        raise OptionError(
            f"{type(specimen.model).__name__} has no nn.Conv1d that is given the embedded words"
        )
    asked = search(text, number, count, least)
    found, member = unit_phrases(text, asked), asked.member
    base = float(member.double().mean()) if member is not None else math.nan
    name = class_name(specimen, number)
    if member is None or not found or found[0].push is None:
        return Phrases(name, found, base, None, None)
    random = [
        _excess(unit_phrases(text.with_model(scrambled(specimen.model, seed + draw)), asked), base)
        for draw in followed(range(scrambles), "scrambled networks", progress)
    ]
    agreement = mean_estimate(torch.tensor(_excess(found, base)))
    return Phrases(name, found, base, agreement, by_chance([sum(each) / len(each) for each in random]))


def _excess(found: tuple[UnitPhrase, ...], base: float) -> list[float]:
    """By unit, how far its phrases are more often in texts of the class that it pushes than any are."""
    units: dict[tuple[str, int], list[float]] = {}
    for each in found:
        if each.push:
            excess = each.share - base if each.push > 0 else base - each.share
            units.setdefault((each.layer, each.unit), []).append(excess)
    return [sum(each) / len(each) for each in units.values()] or [0.0]
