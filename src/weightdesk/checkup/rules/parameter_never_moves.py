"""Parameters that stay as they were, though nobody froze them."""

from __future__ import annotations

import numpy as np

from weightdesk.checkup.finding import Evidence, Finding, Undecided
from weightdesk.checkup.record import Record
from weightdesk.checkup.rules.rule import Rule, Verdict
from weightdesk.checkup.series import rms

_LEAST = 3  # steps
_MANY = 50  # weights


def decide(record: Record) -> Verdict:
    """Find parameters none of whose sampled weights ever moves while others do."""
    lengths = [len(each.steps) for each in record.samples.values()]
    if not lengths or max(lengths) < _LEAST:
        return Undecided(f"{_LEAST} optimizer steps")
    still = [name for name, each in record.samples.items() if not np.any(each.moves)]
    if len(still) == len(record.samples):
        return None  # nothing moves: a matter of the learning rate, or of the gradient
    mistaken = [name for name in still if _is_mistaken(record, name, still)]
    if not mistaken:
        return None
    cause, remedy = _cause(record, mistaken)
    moves = "moves" if len(mistaken) == 1 else "move"
    return Finding(
        rule="parameter_never_moves",
        message=f"{', '.join(mistaken[:3])}{' …' if len(mistaken) > 3 else ''} never {moves}",
        since=0,
        confidence=0.96,
        cause=cause,
        remedy=remedy,
        where=tuple(mistaken),
        evidence=(Evidence("steps at which it moved", 0, None, (0, record.last_step)),),
    )


def _is_mistaken(record: Record, name: str, still: list[str]) -> bool:
    """Without a gradient though it asks for one, without a move in spite of one, or frozen beside others."""
    samples = record.samples[name]
    if not record.run.parameters[name].trainable:
        module = name.rpartition(".")[0]
        others = [each for each in record.samples if each.rpartition(".")[0] == module and each != name]
        return any(each not in still for each in others) or _is_untrained(record, name)
    return bool(samples.missing.all()) or rms(samples.gradients[np.isfinite(samples.gradients)]) > 0


def _is_untrained(record: Record, name: str) -> bool:
    """Whether a frozen matrix still has the uniform weights that torch draws: one freezes what has learned.

    Of the uniform distribution up to 1 / √fan-in; weights that were trained go beyond, or are no longer even.
    """
    if name not in record.matrices or 0 not in record.steps:
        return False
    weights = record.run.weights(name, 0).double()
    bound = (weights.shape[0] / weights.numel()) ** 0.5
    largest, size = float(weights.abs().max()), float(weights.square().mean().sqrt())
    return (
        weights.numel() >= _MANY
        and 0.9 * bound < largest <= 1.0001 * bound
        and abs(size * 3**0.5 / bound - 1) < 0.1
    )


def _cause(record: Record, names: list[str]) -> tuple[str, str]:
    if any(not record.run.parameters[name].trainable for name in names):
        return (
            "requires_grad is off, for a part of a layer or for weights that never learned anything",
            "switch it on, or load trained weights before freezing",
        )
    if all(name not in record.options for name in names):
        return (
            "the optimizer does not have them",
            "build the optimizer from all of model.parameters(), after the model is complete",
        )
    if all(record.samples[name].missing.all() for name in names):
        return (
            "no gradient reaches them: detached on the way, under no_grad, or not used",
            "remove .detach() and .data between them and the loss, or drop them",
        )
    return (
        "their group's learning rate is zero, or too small for their precision",
        "give their group a learning rate",
    )


RULE = Rule(
    name="parameter_never_moves",
    looks_at="sampled weights and gradients over the steps, the optimizer's groups",
    threshold="the same bits at every step, while others move",
    source="exact: the bits of sampled weights",
    decide=decide,
)
