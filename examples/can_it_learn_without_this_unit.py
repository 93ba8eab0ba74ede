"""Can the network learn to do without this unit? Mute it, go on training from there, and compare."""

import weightdesk
from weightdesk.desk import Desk
from weightdesk.training import Recipe, held_out, prepare, train

recipe = Recipe.create("digits", network="mlp", layers="16", dropout=0.0, steps=300)
run = weightdesk.open_run(train(recipe, "runs/whole").directory)
held, examples = held_out(run.recipe), prepare(recipe).parts["train"]
run.load_into(held.model)
desk = Desk(held.model, held.inputs, held.targets, held.loss, run=run)
print(f"all units:     accuracy {desk.outcome.accuracy:.1%}")

losses = {}
for unit in range(16):
    desk.mute("hidden1", unit)
    losses[unit] = desk.outcome.loss
    desk.undo()
missed = max(losses, key=losses.get)

desk.mute("hidden1", missed)
print(f"unit {missed} muted:  accuracy {desk.outcome.accuracy:.1%}")
regrown = desk.train(200, "runs/regrown", inputs=examples.inputs, targets=examples.targets, lr=3e-3, batch=64)
print(f"after {regrown.last_step} more: accuracy {desk.outcome.accuracy:.1%}")
parent = regrown.manifest.parent
print(f"{regrown.path} goes on from {parent['run']} at step {parent['step']} with {parent['mix']['turns']}")
