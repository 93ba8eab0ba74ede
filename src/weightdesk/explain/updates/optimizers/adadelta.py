"""Adadelta."""

from __future__ import annotations

from weightdesk.explain.updates.optimizers.rule import OptimizerStep, Split


def adadelta(step: OptimizerStep) -> Split:
    """Gradients times the root mean square of moves over that of gradients (Zeiler 2012).

    >>> start = OptimizerStep(torch.ones(1), torch.full((1,), 2.0), {},
    ...     {"lr": 1.0, "rho": 0.75, "eps": 3.0})
    >>> adadelta(start).per_gradient
    {'−lr': -1.0, '√(Δ+ε)/√(v+ε)': tensor([0.8660], dtype=torch.float64)}
    """
    options, direction = step.options, step.direction
    rho, eps = options["rho"], options["eps"]
    square = step.mean_square("square_avg", rho)
    scale = step.moment("acc_delta").add(eps).sqrt().div(square.add(eps).sqrt())
    delta = scale.mul(direction)
    moves = step.moment("acc_delta").mul(rho).addcmul(delta, delta, value=1 - rho)
    return Split(
        {"−lr": -step.rounded(options["lr"]), "√(Δ+ε)/√(v+ε)": scale.double()},
        state={"square_avg": square, "acc_delta": moves},
    )
