"""Gradients that fade on the way back to the first layers."""

from __future__ import annotations

from weightdesk.checkup.finding import Evidence, Finding, Undecided
from weightdesk.checkup.record import Record
from weightdesk.checkup.rules.depth import EARLY, fading, gradient_sizes
from weightdesk.checkup.rules.rule import Rule, Verdict

_TIMES = 300.0
_FADED = 1e8  # a plain recurrence over twenty steps fades 1e5 times with torch's own weights


def decide(record: Record) -> Verdict:
    """Compare the gradients of the first matrices with those of the last ones."""
    sizes, faded = gradient_sizes(record, EARLY), fading(record)
    # gates are there to let a memory fade
    gated = not {"LSTM", "GRU", "LSTMCell", "GRUCell"}.isdisjoint(record.modules.values())
    if faded is not None and faded > _FADED and not gated:
        return _finding(
            f"the gradient at the first activations is {faded:.0e} times smaller than at the last",
            faded,
            _FADED,
            tuple(sizes),
        )
    if len(sizes) < 3:
        return None if sizes else Undecided("gradients of three layers")
    names, values = list(sizes), list(sizes.values())
    third = max(1, len(names) // 3)
    late = max(values[-third:])
    early = sorted(values[:third])[third // 2]
    if not early or late / early < _TIMES:
        return None
    told = (
        f"the gradient of {names[0]} is {late / early:.0e} times smaller than that of"
        f" {names[values.index(late)]}"
    )
    return _finding(told, late / early, _TIMES, tuple(names[:third]))


def _finding(message: str, ratio: float, limit: float, where: tuple[str, ...]) -> Finding:
    return Finding(
        rule="vanishing_gradient",
        message=message,
        since=0,
        confidence=min(0.95, 0.7 + 0.05 * (ratio / limit)),
        cause=(
            "each layer or time step multiplies the gradient with slopes or weights below one: sigmoids,"
            " small weights, depth"
        ),
        remedy=(
            "ReLU with He initialisation, normalisation between layers, residual connections, or gated"
            " recurrence"
        ),
        where=where,
        evidence=(Evidence("gradient near the loss over that far from it", ratio, limit, (0,)),),
    )


RULE = Rule(
    name="vanishing_gradient",
    looks_at="rms of each matrix's gradient over the first tenth of the training",
    threshold=(
        f"{_TIMES:.0f} times smaller in the first third of the layers than in the last; {_FADED:.0e} at"
        " activations"
    ),
    source="Hochreiter 1991; Glorot & Bengio 2010",
    decide=decide,
)
