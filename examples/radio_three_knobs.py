"""What does gradient descent do? It turns knobs: three of them, until the radio plays the station."""

import weightdesk
from weightdesk.training import Recipe, train

outcome = train(Recipe.create("radio", init="zeros"), "runs/radio", every=1)
run = weightdesk.open_run(outcome.directory)
loss = dict(zip(run.metrics["step"].to_pylist(), run.metrics["loss"].to_pylist(), strict=True))

print("step     loss   knob 1   knob 2   knob 3")
for step in (0, 1, 2, 4, 8, 16, 32, 64, 128, 256, 299):
    knobs = "".join(f"{knob:9.4f}" for knob in run.weights("output.weight", step)[0].tolist())
    print(f"{step:4} {loss[step]:8.4f}{knobs}")

slope, moved = (read("output.weight", 0)[0, 0] for read in (run.gradient, run.update))
print(
    f"first step: turning knob 1 up changes the loss by {slope:+.4f} a turn, so it was turned by {moved:+.4f}"
)
