"""A loss that expects other outputs than it is given."""

from __future__ import annotations

import numpy as np

from weightdesk.checkup.finding import Evidence, Finding, Undecided
from weightdesk.checkup.passes import Pass
from weightdesk.checkup.record import Record
from weightdesk.checkup.rules.rule import Rule, Verdict

_SHARE = 0.8
_ONE = 1e-3

_TOLD = {
    "twice": (
        "cross entropy is given probabilities: softmax is taken twice",
        "a softmax ends the network, or stands before a loss that takes it itself",
        "give CrossEntropyLoss the raw outputs, without softmax",
    ),
    "sigmoid": (
        "a loss for logits is given probabilities: the sigmoid is taken twice",
        "a sigmoid ends the network, or stands before a loss that takes it itself",
        "give BCEWithLogitsLoss the raw outputs, without sigmoid",
    ),
    "nll": (
        "NLLLoss is given outputs that are no log-probabilities",
        "the logarithm of the softmax is missing before the loss",
        "end with log_softmax, or use CrossEntropyLoss on the raw outputs",
    ),
    "same": (
        "each output is compared with the targets of all examples",
        "shapes such as (N, 1) and (N,) broadcast to (N, N)",
        "give outputs and targets the same shape: outputs.squeeze(1), or targets[:, None]",
    ),
}


def decide(record: Record) -> Verdict:
    """Read off the gradient by the outputs which loss they were given to."""
    passes = [each for each in record.passes.training if each["output_min"] is not None]
    if not passes:
        return Undecided("a backward pass from outputs of the watched model itself")
    kinds = [_kind(each) for each in passes]
    if not any(
        each.get("function") == "sigmoid" and each["last"]
        for _, told in record.passes.graphs
        for each in told
    ):
        # logits may lie between 0 and 1 for a while
        kinds = [
            "" if kind == "sigmoid" and each["loss_form"] == "bce_logits" else kind
            for kind, each in zip(kinds, passes, strict=True)
        ]
    worst = max(_TOLD, key=kinds.count)
    share = kinds.count(worst) / len(passes)
    if share < _SHARE or (worst == "same" and not _differ(passes)):
        return None
    message, cause, remedy = _TOLD[worst]
    return Finding(
        rule="loss_output_mismatch",
        message=message,
        since=int(passes[0]["step"]),
        confidence=0.98 if len(passes) > 1 else 0.9,
        cause=cause,
        remedy=remedy,
        where=("loss",),
        evidence=(Evidence("share of passes whose gradient is exactly that of this loss", share, _SHARE),),
    )


def _kind(each: Pass) -> str:
    form, low, high = each["loss_form"], each["output_min"], each["output_max"]
    inside = low >= 0 and high <= 1
    if form == "cross_entropy_of_softmax" or (
        form == "cross_entropy" and inside and each["output_sum_error"] < _ONE
    ):
        return "twice"
    if form == "bce_logits_of_sigmoid" or (form == "bce_logits" and inside):
        return "sigmoid"
    if form == "nll_of_softmax" or (form == "nll" and each["output_log_error"] > _ONE):
        return "nll"
    if each["loss_same"] is not None and each["loss_same"] < _ONE and each["examples"] >= 4:
        return "same"
    return ""


def _differ(passes: list[Pass]) -> bool:
    """Whether the one target of a batch differs from batch to batch: the mean of its targets, then.

    Where it does not, all examples have the same target, and nothing broadcasts.
    """
    same = [each for each in passes if _kind(each) == "same"]
    if len(same) < 2:
        return False
    spread = float(np.median([each["output_max"] - each["output_min"] for each in same]))
    return float(np.std([each["loss_target"] for each in same])) > 1e-4 * spread


RULE = Rule(
    name="loss_output_mismatch",
    looks_at="outputs, and the gradient of the loss by them",
    threshold=f"at {_SHARE:.0%} of the passes the gradient of such a loss, to 1 in a thousand",
    source="exact: each loss pulls at its outputs in a way of its own",
    decide=decide,
)
