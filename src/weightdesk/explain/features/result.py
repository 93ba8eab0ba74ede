"""What `feature_importance` gives: three answers side by side."""

from __future__ import annotations

from dataclasses import dataclass

from jaxtyping import Float
from torch import Tensor

from weightdesk.explain.features.agreement import Agreement
from weightdesk.explain.page import Page, Section, section


@dataclass(frozen=True, eq=False)
class FeatureImportance(Page):
    """Which inputs the network uses, by weights, by integrated gradients and by permutation.

    Attributes:
        names: the features.
        weights: Σ over the first layer's units of |w|, times the standard deviation of the input; None
            where this cannot be said.
        weights_missing: why it cannot.
        gradients: Σ over the examples of the size of their integrated gradients. With a loss that is a
            mean over the examples, this is the mean size of an example's attribution.
        signed: the same sum with signs: what the feature adds to the loss, from the baseline to the inputs.
        completeness: the sum of all attributions minus (loss − baseline_loss), zero but for the quadrature.
        permutation: mean increase of the loss when the feature is permuted.
        permutation_error: its standard error over the repeats; not a number for a single one.
        loss: the loss at the inputs.
        baseline_loss: the loss at the baseline.
        agreements: rank correlations of each pair.
        verdict: in a line whether they agree.
        steps: nodes of the Gauss-Legendre quadrature.
        repeats: permutations of each feature.
    """

    names: tuple[str, ...]
    weights: Float[Tensor, " features"] | None
    weights_missing: str
    gradients: Float[Tensor, " features"]
    signed: Float[Tensor, " features"]
    completeness: float
    permutation: Float[Tensor, " features"]
    permutation_error: Float[Tensor, " features"]
    loss: float
    baseline_loss: float
    agreements: tuple[Agreement, ...]
    verdict: str
    steps: int
    repeats: int

    @property
    def title(self) -> str:
        """How many features, and whether the three ways agree."""
        return f"which of {len(self.names)} inputs the network uses: {self.verdict}"

    @property
    def order(self) -> list[int]:
        """The features' numbers, the most important by permutation first; ties by integrated gradients."""
        ranked = sorted(
            zip((-self.permutation).tolist(), (-self.gradients).tolist(), range(len(self.names)), strict=True)
        )
        return [number for _, _, number in ranked]

    def sections(self) -> list[Section]:
        """The features side by side, and how far the three ways agree."""
        order = self.order
        columns: dict[str, list[object]] = {"input": [self.names[i] for i in order]}
        values = {"weights": self.weights, "gradients": self.gradients, "signed": self.signed}
        values |= {"permutation": self.permutation, "standard error": self.permutation_error}
        columns |= {name: each[order].tolist() for name, each in values.items() if each is not None}
        bars = [name for name in ("weights", "gradients", "permutation") if name in columns]
        return [section("inputs", columns, bars=bars, note=self._note()), self._agreement()]

    def _note(self) -> str:
        missing = f"; no importance by weights: {self.weights_missing}" if self.weights is None else ""
        return (
            f"loss {self.loss:.4g}, at the baseline {self.baseline_loss:.4g}; integrated gradients by "
            f"Gauss-Legendre with {self.steps} steps, completeness error {self.completeness:+.2g}; "
            f"{self.repeats} permutations{missing}"
        )

    def _agreement(self) -> Section:
        columns = {
            name.replace("spearman", "Spearman").replace("kendall", "Kendall"): [
                getattr(each, name) for each in self.agreements
            ]
            for name in ("first", "second", "spearman", "kendall")
        }
        return section("agreement of the rankings", columns, note=self.verdict)
