"""Which layers still move, and how fast? The update ratio: rms of the update over rms of the weights."""

import weightdesk
from weightdesk.training import Recipe, train

recipe = Recipe.create("digits", network="mlp", layers="64,64,64", steps=200)
outcome = train(recipe, "runs/ratios", cost=None)  # statistics at every step
run = weightdesk.open_run(outcome.directory)

print("median update ratio in each quarter of the training")
for name, parameter in run.parameters.items():
    if len(parameter.shape) > 1:
        ratios = run.series(name, "update", "update_ratio").values
        quarters = [float(part.median()) for part in ratios.chunk(4)]
        print(f"{name:16}", "  ".join(f"{ratio:.2e}" for ratio in quarters))
