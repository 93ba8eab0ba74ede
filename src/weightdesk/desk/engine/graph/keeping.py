"""Which results a lane keeps.

A result is worth its memory by the work of computing it again. Results of linear layers, convolutions and
attention come first, by multiplications per byte; a turn adds its differences to them. Then come those that
such an operation reads, or several operations, by the work since the last of the former: without them a turn
computes activations, norms and pools again. Views take no memory and are never kept, and what only one
cheap operation reads is not needed again.

Measured on a network of four convolutions, 32 pictures of 32×32, one core: how many times quicker than a
forward pass of the model one turned weight in each convolution is answered.

| kept | bytes | first | second | third | fourth |
| --- | --- | --- | --- | --- | --- |
| all that is wanted | 25 MB | 2.0 | 5.2 | 18 | 31 |
| half | 14 MB | 2.4 | 4.5 | 13 | 48 |
| a quarter | 6 MB | 1.4 | 2.4 | 5.3 | 29 |
| outputs only | 0 MB | 1.4 | 1.2 | 1.3 | 1.5 |
"""

from __future__ import annotations

from weightdesk.desk.engine.graph.plan import Plan
from weightdesk.desk.engine.graph.step import Slot


def choose(plan: Plan, memory: int) -> frozenset[Slot]:
    """The slots to keep within so many bytes; outputs are kept in any case."""
    work = _work(plan)
    left = memory - sum(plan.sizes.get(slot, 0) for slot in plan.outputs)
    kept = set(plan.outputs)
    wanted = _wanted(plan)
    order = sorted(
        wanted - kept, key=lambda slot: (not plan.by_slot[slot].costly, -work[slot] / plan.sizes[slot])
    )
    for slot in order:
        if plan.sizes[slot] <= left:
            kept.add(slot)
            left -= plan.sizes[slot]
    return frozenset(kept)


def bytes_of(plan: Plan, kept: frozenset[Slot]) -> int:
    """What they take."""
    return sum(plan.sizes.get(slot, 0) for slot in kept)


def _work(plan: Plan) -> dict[Slot, float]:
    """Work to compute each result again from the nearest costly ones, or from the inputs."""
    work: dict[Slot, float] = {}
    for rule in plan.rules:
        cheap = (slot for slot in rule.step.operands if slot in work and not plan.by_slot[slot].costly)
        work[rule.step.slot] = min(rule.cost + sum(work[slot] for slot in cheap), 1e15)
    return work


def _wanted(plan: Plan) -> set[Slot]:
    readers: dict[Slot, int] = {}
    wanted = {rule.step.slot for rule in plan.rules if rule.costly}
    for rule in reversed(plan.rules):
        slot = rule.step.slot
        is_view = not plan.sizes[slot]
        for each in rule.step.operands:
            readers[each] = readers.get(each, 0) + (readers.get(slot, 1) if is_view else 1)
            if rule.costly or (is_view and slot in wanted) or readers[each] > 1:
                wanted.add(each)
    return {slot for slot in wanted if slot in plan.by_slot and plan.sizes[slot]}
