"""Which tracks are in the mix? With an L1 penalty the weights of the others become exactly zero."""

import weightdesk
from weightdesk.training import Recipe, train

learned = {}
for l1 in (0.0, 0.01):
    outcome = train(Recipe.create("mixdown", l1=l1), f"runs/mixdown-{l1:g}")
    run = weightdesk.open_run(outcome.directory)
    learned[l1] = run.weights("output.weight", -1)[0].tolist()

print("   track  in the mix  learned  with L1")
for place, (track, gain) in enumerate(run.recipe["dataset"]["planted"].items()):
    plain, sparse = (weights[place] for weights in learned.values())
    print(f"{track:>8} {gain:11.3f} {plain:8.4f} {sparse:8.4f}", "  exactly zero" if sparse == 0 else "")
