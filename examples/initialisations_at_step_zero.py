"""What do initialisers do to the signal? Scale of each layer's output before the first step."""

import weightdesk
from weightdesk.training import Recipe, train

LAYERS = 8
print(f"rms of the output of each of {LAYERS} tanh layers at step 0")
for init in ("zeros", "normal", "xavier_normal", "he_normal", "lecun_normal", "orthogonal"):
    layers = ",".join(["64"] * LAYERS)
    recipe = Recipe.create("digits", network="mlp", layers=layers, activation="tanh", init=init, steps=1)
    outcome = train(recipe, f"runs/init-{init}", cost=None)
    run = weightdesk.open_run(outcome.directory)
    scales = [run.series(f"tanh{layer}", "activation").values[0] for layer in range(1, LAYERS + 1)]
    print(f"{init:14}", "  ".join(f"{scale:.3f}" for scale in scales))
print("Xavier's and LeCun's agree where a layer has as many inputs as outputs, as all of these have.")
