"""What became of one weight, and which gradients moved it? Its history, bit for bit."""

import weightdesk
from weightdesk.training import Recipe, train

recipe = Recipe.create("digits", network="mlp", layers="32", steps=200)
outcome = train(recipe, "runs/history")
run = weightdesk.open_run(outcome.directory)

name = "output.weight"
place = run.manifest.recording["sampled"][name][0]  # one of those that are kept at every step
index = divmod(place, run.parameters[name].shape[1])
weights, gradients = run.history(name, index), run.gradient_history(name, index)

print(f"{name}{list(index)}, every 25th of {len(weights.steps)} known steps")
print("step    weight  gradient")
for step in range(0, 200, 25):
    at = weights.steps.tolist().index(step)
    print(f"{step:4} {weights.values[at]:9.5f} {gradients.values[at]:9.5f}")
print(f"{int(weights.steps[-1]):4} {weights.values[-1]:9.5f}")
