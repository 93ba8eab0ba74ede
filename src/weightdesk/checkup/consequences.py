"""Which fault brings which about: the cause comes first, and what it causes says so."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Final

from weightdesk.checkup.finding import Finding

EXPLAINS: Final[Mapping[str, tuple[str, ...]]] = {
    "symmetric_initialisation": (
        "dead_units",
        "vanishing_gradient",
        "underfitting",
        "labels_uninformative",
        "learning_rate_low",
        "parameter_never_moves",
    ),
    "initial_scale_high": (
        "saturated_units",
        "exploding_gradient",
        "learning_rate_high",
        "divergence",
        "overfitting",
        "dead_units",
        "vanishing_gradient",
        "labels_uninformative",
        "loss_spike",
        "underfitting",
    ),
    "initial_scale_low": (
        "vanishing_gradient",
        "underfitting",
        "learning_rate_low",
        "labels_uninformative",
        "learning_rate_high",
    ),
    "inputs_not_normalised": (
        "saturated_units",
        "exploding_gradient",
        "learning_rate_high",
        "divergence",
        "dead_units",
        "loss_spike",
        "underfitting",
        "labels_uninformative",
    ),
    "loss_output_mismatch": (
        "underfitting",
        "vanishing_gradient",
        "labels_uninformative",
        "learning_rate_low",
        "divergence",
    ),
    "labels_uninformative": (
        "overfitting",
        "underfitting",
    ),
    "missing_zero_grad": (
        "learning_rate_high",
        "divergence",
        "exploding_gradient",
        "loss_spike",
        "underfitting",
        "dead_units",
        "saturated_units",
    ),
    "over_regularised": (
        "underfitting",
        "vanishing_gradient",
        "labels_uninformative",
    ),
    "dead_units": (
        "underfitting",
        "parameter_never_moves",
        "labels_uninformative",
    ),
    "saturated_units": (
        "underfitting",
        "vanishing_gradient",
    ),
    "vanishing_gradient": (
        "underfitting",
        "labels_uninformative",
        "learning_rate_low",
    ),
    "exploding_gradient": ("loss_spike",),
    "divergence": (
        "learning_rate_high",
        "dead_units",
        "saturated_units",
        "loss_spike",
        "exploding_gradient",
    ),
    "learning_rate_high": (
        "dead_units",
        "saturated_units",
        "loss_spike",
        "underfitting",
        "labels_uninformative",
        "exploding_gradient",
        "overfitting",
    ),
    "learning_rate_low": (
        "underfitting",
        "labels_uninformative",
    ),
    "unshuffled_data": (
        "learning_rate_high",
        "loss_spike",
        "overfitting",
        "underfitting",
        "divergence",
    ),
    "wrong_mode": (
        "overfitting",
        "underfitting",
    ),
    "tiny_batch_norm": (
        "learning_rate_high",
        "underfitting",
        "overfitting",
        "loss_spike",
    ),
    "nonfinite": (
        "divergence",
        "parameter_never_moves",
        "learning_rate_high",
        "underfitting",
    ),
    "clipping_always": (
        "learning_rate_low",
        "underfitting",
    ),
    "missing_nonlinearity": (
        "underfitting",
        "overfitting",
    ),
    "class_imbalance": (
        "labels_uninformative",
        "underfitting",
    ),
    "parameter_never_moves": ("underfitting",),
    "optimizer_reset": (
        "loss_spike",
        "learning_rate_high",
    ),
}
"""What each rule's fault brings about: where both speak, the second comes after, and says so."""

_CONSEQUENCE: Final = (
    0.9  # of the confidence of its cause, at most: what another finding explains comes after it
)


def in_order(findings: Sequence[Finding]) -> list[Finding]:
    """Most certain first; what another finding explains comes after it."""
    sure = {each.rule: each.confidence for each in findings}
    told = []
    for each in findings:
        causes = [cause for cause in sure if each.rule in EXPLAINS.get(cause, ())]
        if causes:
            cause = max(causes, key=lambda name: sure[name])
            each = replace(each, confidence=min(each.confidence, _CONSEQUENCE * sure[cause]), because=cause)
        told.append(each)
    return sorted(told, key=lambda each: (-each.confidence, each.since, each.rule))
