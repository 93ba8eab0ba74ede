"""Stochastic gradient descent."""

from __future__ import annotations

from weightdesk.explain.updates.optimizers.rule import Factors, OptimizerStep, Split


def sgd(step: OptimizerStep) -> Split:
    """SGD with momentum, dampening and Nesterov's look-ahead (Sutskever et al. 2013).

    The buffer b becomes μb + (1 − d)g, and the whole g at the first step; the move is −lr·b, with
    look-ahead −lr·(g + μb).

    >>> start = OptimizerStep(torch.ones(1), torch.ones(1), {"momentum_buffer": torch.full((1,), 2.0)},
    ...     {"lr": 0.5, "momentum": 0.5, "dampening": 0.0, "nesterov": True})
    >>> split = sgd(start)
    >>> split.per_gradient, split.memory
    ({'−lr': -0.5, '(1 + μ(1−d))': 1.5}, {'−lr': -0.5, 'μ²': 0.25, 'b': tensor([2.])})
    """
    options, buffer, direction = step.options, step.state.get("momentum_buffer"), step.direction
    common: Factors = {"−lr": -step.rounded(options["lr"])}
    if not options["momentum"]:
        return Split(common)
    momentum = step.rounded(options["momentum"])
    taken = 1.0 if buffer is None else step.rounded(1 - options["dampening"])
    after = direction if buffer is None else buffer.mul(momentum).add(direction, alpha=taken)
    looks: Factors = {"(1 + μ(1−d))": 1 + momentum * taken} if options["nesterov"] else {"(1−d)": taken}
    kept: Factors = {"μ²": momentum**2} if options["nesterov"] else {"μ": momentum}
    memory = {} if buffer is None else {**common, **kept, "b": buffer}
    return Split({**common, **looks}, memory, state={"momentum_buffer": after})
