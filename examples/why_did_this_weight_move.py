"""Why did this weight move? One step in parts that add up, then the whole training."""

import weightdesk
from weightdesk.training import Recipe, train

recipe = Recipe.create("digits", network="mlp", layers="32", steps=200, optimizer="adamw", l1=1e-4)
outcome = train(recipe, "runs/why")
run = weightdesk.open_run(outcome.directory)

name = "output.weight"
place = run.manifest.recording["sampled"][name][0]  # one of those that are kept at every step
index = divmod(place, run.parameters[name].shape[1])

reasons = run.explain_update(name, index, -1)
print(reasons.title)
for part in reasons.parts:
    print(f"{part.value:+.3e}  {part.name}: {part.formula} = {part.numbers}")
print(f"{reasons.remainder:+.3e}  rounding, {reasons.remainder_ulps:.1f} ulp")

whole = run.explain_move(name, index)
print(whole.title)
for part in whole.parts:
    print(f"{part.value:+.5f}  {part.name}")
print(f"{whole.error:+.5f}  error, with {whole.known_steps} of {whole.stop} steps known")
