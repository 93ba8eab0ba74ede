"""What if I mute this unit? Silence each unit of a hidden layer alone, and see which one is missed most."""

import weightdesk
from weightdesk.desk import Desk
from weightdesk.training import Recipe, held_out, train

run = weightdesk.open_run(
    train(Recipe.create("digits", network="mlp", layers="16", steps=300), "runs/mute").directory
)
held = held_out(run.recipe)
run.load_into(held.model)
desk = Desk(held.model, held.inputs, held.targets, held.loss, run=run)
print(f"accuracy {desk.outcome.accuracy:.1%} on {desk.outcome.count} held-out examples; {desk.engine.name}")

changes = {}
for unit in range(16):
    desk.mute("hidden1", unit)
    changes[unit] = desk.outcome.measures["accuracy"].change
    desk.undo()
missed = min(changes, key=changes.get)
for unit, change in sorted(changes.items(), key=lambda each: each[1])[:5]:
    print(f"without unit {unit:2}: accuracy {change:+.1%}")

desk.mute("hidden1", missed)
flips = desk.outcome.flips
print(f"unit {missed} muted: {flips.title}")
for row in flips.to_arrow().slice(0, 3).to_pylist():
    print(
        f"  example {row['example']}: a {row['truth']}, taken for {row['before']} before and {row['now']} now"
    )
