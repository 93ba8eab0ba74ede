"""A comparison as a page: who wins and how surely, how they learned, what was known before the first step."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from weightdesk.explain.page import Page, Section, section
from weightdesk.training.compare.curves import curve_sections
from weightdesk.training.compare.finals import contest_section, final_section
from weightdesk.training.compare.record import Record, read_record
from weightdesk.training.compare.results import Result, read_results
from weightdesk.training.compare.startup import Start
from weightdesk.training.compare.verdict import verdict
from weightdesk.training.compare.weights import PENALTIES, shrinkage_section, weight_section


@dataclass(frozen=True, eq=False)
class Comparison(Page):
    """Trainings that differ in some options, every setting with the same seeds.

    Attributes:
        folder: where `comparison.json` and the members' runs lie.
        record: which trainings they are, and how they ended.
    """

    folder: Path
    record: Record

    @cached_property
    def results(self) -> Mapping[str, list[Result]]:
        """The finished members of each setting, by seed."""
        return read_results(self.folder, self.record)

    @cached_property
    def starts(self) -> Mapping[str, Start]:
        """Each setting at step 0."""
        return {name: Start.from_dict(each) for name, each in self.record.start.items()}

    @cached_property
    def verdict(self) -> str:
        """Which setting wins, in a sentence with its numbers."""
        return verdict(self.results)

    @property
    def unfinished(self) -> Mapping[str, str]:
        """The members that did not finish, and why."""
        return {
            name: f"{each['status']}: {each['said']}" if each["said"] else str(each["status"])
            for name, each in self.record.members.items()
            if each["status"] not in ("finished", "stopped early")
        }

    @property
    def title(self) -> str:
        """The verdict."""
        return self.verdict

    @property
    def finished(self) -> Mapping[str, list[Result]]:
        """The settings that have results."""
        return {name: members for name, members in self.results.items() if members}

    @property
    def failures(self) -> Section | None:
        """The members that did not finish."""
        if not self.unfinished:
            return None
        columns = {"member": list(self.unfinished), "what happened": list(self.unfinished.values())}
        return section("not finished", columns, note="the same command goes on with these")

    @property
    def finals(self) -> Section | None:
        """Score and loss of each setting in the end."""
        if not self.finished:
            return None
        missing = {name: len(self.record.names(name)) - len(each) for name, each in self.results.items()}
        return final_section(self.results, missing)

    @property
    def contests(self) -> Section | None:
        """The best setting against each of the others."""
        return contest_section(self.results) if len(self.finished) > 1 else None

    @property
    def beginnings(self) -> Section | None:
        """What is said of each setting before its training."""
        if not self.starts:
            return None
        columns = {
            "setting": list(self.starts),
            "at step 0": [each.verdict for each in self.starts.values()],
            "why": [each.reason for each in self.starts.values()],
        }
        return section("before training", columns, note="measured on a batch, before any step was taken")

    @property
    def signals(self) -> Section | None:
        """The signal of each setting at step 0, layer by layer."""
        return _signals(self.starts) if self.starts else None

    @property
    def curves(self) -> list[Section]:
        """Score and loss through the training."""
        return list(curve_sections(self.finished)) if self.finished else []

    @cached_property
    def weights(self) -> Section | None:
        """Every layer's weights through the training."""
        return weight_section(self.finished) if self.finished else None

    @cached_property
    def shrinkage(self) -> Section | None:
        """Exact zeros and norms by the strength of a penalty, where one is varied."""
        varied = any(name in PENALTIES for each in self.record.options.values() for name in each)
        return shrinkage_section(self.finished, self.record.options) if varied and self.finished else None

    def sections(self) -> list[Section]:
        """Final numbers, tests, step 0, learning curves, weights, sparsity; what failed stands first."""
        before = (self.failures, self.finals, self.contests, self.beginnings, self.signals)
        parts = (*before, *self.curves, self.weights, self.shrinkage)
        return [each for each in parts if each is not None]


def read_comparison(folder: str | Path) -> Comparison:
    """Open the comparison in a folder, finished or not.

    Raises:
        RunNotFoundError: there is none.
        RunFormatError: its `comparison.json` is damaged, or of a newer version.

    >>> read_comparison("runs/nowhere")
    Traceback (most recent call last):
    ...
    weightdesk.errors.RunNotFoundError: no comparison.json in runs/nowhere; `weightdesk compare` makes one
    """
    return Comparison(Path(folder), read_record(Path(folder)))


def _signals(starts: Mapping[str, Start]) -> Section:
    rows = [(setting, layer) for setting, start in starts.items() for layer in start.layers]
    columns = {
        "setting": [setting for setting, _ in rows],
        "layer": [each.layer for _, each in rows],
        "forward": [each.forward for _, each in rows],
        "theory": [each.forward_theory for _, each in rows],
        "backward": [each.backward for _, each in rows],
        "its theory": [each.backward_theory for _, each in rows],
        "factor": [each.factor for _, each in rows],
    }
    note = (
        "standard deviation of the sums z and of the loss's gradient with respect to them; factor = fan-in × "
        "Var(w) × gain multiplies the variance from layer to layer (Glorot & Bengio 2010, He et al. 2015); "
        "theory is exact for ReLU, near zero for tanh, sigmoid and GELU, and knows no pooling"
    )
    return section("the signal at step 0", columns, note=note)
