"""RMSprop."""

from __future__ import annotations

from weightdesk.explain.updates.optimizers.rule import Factors, OptimizerStep, Split


def rmsprop(step: OptimizerStep) -> Split:
    """Gradients over the root of their running mean square (Hinton 2012), then momentum.

    Centred, the square of the running mean is subtracted first (Graves 2013). Where gradients hardly
    vary this difference of two nearly equal numbers is made of rounding alone, and a kernel that fuses
    multiplication and addition gives another scaling: then the remainder may be large.

    >>> start = OptimizerStep(torch.ones(1), torch.full((1,), 2.0), {},
    ...     {"lr": 0.5, "alpha": 0.75, "eps": 0.0, "momentum": 0, "centered": False})
    >>> rmsprop(start).per_gradient
    {'−lr': -0.5, '1/(√v+ε)': tensor([1.], dtype=torch.float64)}
    """
    options, direction = step.options, step.direction
    alpha, momentum = options["alpha"], options["momentum"]
    square = step.mean_square("square_avg", alpha)
    state = {"square_avg": square}
    symbol, variance = "1/(√v+ε)", square
    if options["centered"]:
        mean = state["grad_avg"] = step.mean("grad_avg", alpha)
        symbol, variance = "1/(√(v−ḡ²)+ε)", square.addcmul(mean, mean, value=-1)
    root = variance.sqrt().add(options["eps"])
    common: Factors = {"−lr": -step.rounded(options["lr"])}
    per_gradient = {**common, symbol: 1 / root.double()}
    if not momentum:
        return Split(per_gradient, state=state)
    buffer = step.moment("momentum_buffer")
    state["momentum_buffer"] = buffer.mul(momentum).addcdiv(direction, root)
    return Split(per_gradient, {**common, "μ": step.rounded(momentum), "b": buffer}, state=state)
