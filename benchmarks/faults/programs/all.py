"""Every program by its half and name; needs `benchmarks/faults` on `sys.path`."""

from __future__ import annotations

from types import ModuleType

from programs.heldout import (
    causal_barometer,
    cnn_scratches,
    cnn_segments,
    encoder_languages,
    gru_valves,
    lstm_negation,
    mlp_friedman,
    mlp_shells,
)
from programs.tuning import (
    cnn_patterns,
    cnn_residual,
    conv1d_signals,
    deep_mlp_cancer,
    gru_forecast,
    mlp_digits,
    mlp_regression,
    rnn_sequences,
    transformer_copy,
    transformer_tokens,
)

PROGRAMS: dict[str, dict[str, ModuleType]] = {
    half: {module.__name__.rpartition(".")[2]: module for module in modules}
    for half, modules in {
        "tuning": (
            mlp_digits,
            cnn_patterns,
            rnn_sequences,
            transformer_tokens,
            mlp_regression,
            deep_mlp_cancer,
            cnn_residual,
            gru_forecast,
            transformer_copy,
            conv1d_signals,
        ),
        "heldout": (
            mlp_shells,
            mlp_friedman,
            cnn_segments,
            cnn_scratches,
            lstm_negation,
            gru_valves,
            encoder_languages,
            causal_barometer,
        ),
    }.items()
}
