"""Which weights matter? Zero every weight of a layer, one at a time, and see what becomes of the loss."""

from torch.nn import functional

import weightdesk
from weightdesk.explain import importance
from weightdesk.training import Recipe, prepare, train

recipe = Recipe.create("digits", network="mlp", layers="32", steps=300)
run = weightdesk.open_run(train(recipe, "runs/matter").directory)
prepared = prepare(recipe)
run.load_into(prepared.model)
examples = prepared.parts["validation"]

ranking = importance(
    prepared.model, examples.inputs, examples.targets, functional.cross_entropy, "output.weight"
)
print(f"loss {ranking.baseline:.4f}; without one weight of output.weight it is higher by")
for index, change in ranking.top(5):
    print(f"  {index!s:8} {change:+.5f}")

print("does the ranking hold? the loss with k weights removed together")
print("   k      top   random   bottom")
for row in ranking.verification(k=6).to_arrow().to_pylist():
    print(f"{row['removed']:4} {row['top']:8.4f} {row['random']:8.4f} {row['bottom']:8.4f}")
