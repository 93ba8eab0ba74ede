"""What is a unit made of? The earlier units that feed it in use, and the parts of pictures that excite it."""

import weightdesk
from weightdesk.capture import Specimen, layers_of
from weightdesk.capture.circuits import feeding
from weightdesk.capture.examples import strongest_examples
from weightdesk.training import Recipe, held_out, train

train(Recipe.create("digits", layers=(8, 12), epochs=3), "runs/units")
run = weightdesk.open_run("runs/units")
held = held_out(run.recipe)
run.load_into(held.model, -1)
specimen = Specimen(held.model, held.inputs, held.targets, held.class_names)
layer = layers_of(specimen.model, specimen.inputs)[1]

found = feeding(specimen, layer, unit=3)
print(f"{layer.name} unit 3: mean z {found.z:+.2f}, of which the bias is {found.bias:+.2f}")
for feeder in found.feeders[:5]:
    print(f"  {feeder.name:>9} {'encourages' if feeder.mean > 0 else 'discourages'} it: {feeder.mean:+.3f}")

strongest = strongest_examples(specimen, layer, count=3)
for rank in range(3):
    example, box = int(strongest.most.examples[3, rank]), strongest.box(3, rank)
    rows, columns = box[-2], box[-1]
    print(
        f"  example {example}, a {held.class_names[int(held.targets[example])]}: rows {rows.start} to "
        f"{rows.stop - 1}, columns {columns.start} to {columns.stop - 1}"
    )
