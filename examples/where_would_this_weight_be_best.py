"""Where would this weight be best? Sweep the weights of one output unit, and move the one that gains most."""

import weightdesk
from weightdesk.desk import Desk
from weightdesk.training import Recipe, held_out, train

run = weightdesk.open_run(
    train(Recipe.create("digits", network="mlp", layers="16", steps=60), "runs/sweep").directory
)
held = held_out(run.recipe)
run.load_into(held.model)
desk = Desk(held.model, held.inputs, held.targets, held.loss, run=run)
print(f"loss {desk.outcome.loss:.4f}, accuracy {desk.outcome.accuracy:.1%}")

sweeps = {unit: desk.sweep("output.weight", (8, unit)) for unit in range(16)}
for unit, sweep in sorted(sweeps.items(), key=lambda each: -each[1].lowest.gain)[:5]:
    bottom = sweep.lowest
    print(
        f"weight 8,{unit:<2} is {sweep.value:+.2f}, slope {sweep.slope:+.4f}; "
        f"best at {bottom.value:+.2f}, which gains {bottom.gain:.4f}"
    )

best = max(sweeps, key=lambda unit: sweeps[unit].lowest.gain)
expected = sweeps[best].lowest
desk.set("output.weight", (8, best), expected.value)
print(f"moved there: loss {desk.outcome.loss:.4f}, {expected.loss:.4f} expected")
assert abs(desk.outcome.loss - expected.loss) < 1e-3
