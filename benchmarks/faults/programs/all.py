"""Every program by its half and name; needs `benchmarks/faults` on `sys.path`."""

from __future__ import annotations

from types import ModuleType

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
            mlp_digits, cnn_patterns, rnn_sequences, transformer_tokens, mlp_regression,
            deep_mlp_cancer, cnn_residual, gru_forecast, transformer_copy, conv1d_signals,
        ),
        "heldout": (),
    }.items()
}
