"""The rules, one a file; what several of them measure lies beside them."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from weightdesk.checkup.rules import (
    class_imbalance,
    clipping_always,
    dead_units,
    divergence,
    exploding_gradient,
    initial_scale_high,
    initial_scale_low,
    inputs_not_normalised,
    labels_uninformative,
    leakage,
    learning_rate_high,
    learning_rate_low,
    loss_output_mismatch,
    loss_spike,
    missing_nonlinearity,
    missing_zero_grad,
    nonfinite,
    optimizer_reset,
    over_regularised,
    overfitting,
    parameter_never_moves,
    saturated_units,
    symmetric_initialisation,
    tiny_batch_norm,
    underfitting,
    unshuffled_data,
    vanishing_gradient,
    wrong_mode,
)
from weightdesk.checkup.rules.rule import Rule

RULES: Final[Mapping[str, Rule]] = MappingProxyType(
    {
        each.RULE.name: each.RULE
        for each in (
            vanishing_gradient,
            exploding_gradient,
            dead_units,
            saturated_units,
            nonfinite,
            divergence,
            loss_spike,
            learning_rate_high,
            learning_rate_low,
            symmetric_initialisation,
            initial_scale_high,
            initial_scale_low,
            missing_zero_grad,
            parameter_never_moves,
            over_regularised,
            loss_output_mismatch,
            inputs_not_normalised,
            labels_uninformative,
            class_imbalance,
            missing_nonlinearity,
            wrong_mode,
            tiny_batch_norm,
            unshuffled_data,
            leakage,
            overfitting,
            underfitting,
            clipping_always,
            optimizer_reset,
        )
    }
)
"""Each rule by its name."""
