"""Training in evaluation mode, or evaluating in training mode, where that matters."""

from __future__ import annotations

from weightdesk.checkup.finding import NO_PASS, Evidence, Finding
from weightdesk.checkup.passes import Pass
from weightdesk.checkup.record import Record
from weightdesk.checkup.rules.rule import Rule, Verdict

_SHARE = 0.3


def decide(record: Record) -> Verdict:
    """Look at the mode of dropout and batch normalisation in each pass."""
    training = [each for each in record.passes.training if each["modal"]]
    evaluating = [each for each in record.passes.evaluating if each["modal"]]
    if not record.passes.training:
        return NO_PASS
    asleep = [each for each in training if not each["training"] and not each["modal_training"]]
    awake = [each for each in evaluating if each["training"] and each["modal_training"]]
    if len(asleep) >= _SHARE * max(1, len(training)):
        return _finding(
            asleep,
            len(asleep) / len(training),
            "training steps are made in evaluation mode: dropout and batch normalisation rest",
            "model.eval() was not followed by model.train()",
            "call model.train() after each evaluation",
            0.97,
        )
    if awake and len(awake) >= 0.8 * len(evaluating):
        return _finding(
            awake,
            len(awake) / len(evaluating),
            "evaluations are made in training mode: dropout acts, and batch normalisation learns from them",
            "model.eval() is missing before the evaluation",
            "call model.eval() before, and model.train() after it",
            0.9,
        )
    return None


def _finding(
    passes: list[Pass], share: float, message: str, cause: str, remedy: str, confidence: float
) -> Finding:
    steps = sorted({each["step"] for each in passes})
    return Finding(
        rule="wrong_mode",
        message=message,
        since=steps[0],
        confidence=confidence,
        cause=cause,
        remedy=remedy,
        where=("model",),
        evidence=(Evidence("share of passes in the wrong mode", share, 0.0, tuple(steps[:8])),),
    )


RULE = Rule(
    name="wrong_mode",
    looks_at="module.training of dropout and batch normalisation in training passes and in evaluations",
    threshold=f"{_SHARE:.0%} of the training passes, or most evaluations",
    source="torch.nn.Module.train",
    decide=decide,
)
