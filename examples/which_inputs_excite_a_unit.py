"""Which inputs excite a unit, and which ones quiet it? Its sum for one picture, term by term."""

import weightdesk
from weightdesk.explain import explain_unit
from weightdesk.training import Recipe, train
from weightdesk.training.preparation import prepare

recipe = Recipe.create("digits", network="mlp", layers="32", steps=300)
run = weightdesk.open_run(train(recipe, "runs/unit").directory)
prepared = prepare(recipe)
model, test = prepared.model.eval(), prepared.parts["test"]
run.load_into(model, run.steps[-1])

wanted = int(test.targets[0])
reasons = explain_unit(model, test.inputs, "output.weight", wanted, targets=test.targets)
print(f"{reasons.title}; the picture shows a {wanted}")
for side in (reasons.encouraging(top=3), reasons.discouraging(top=3)):
    for term in side.terms:
        print(f"{term.product:+8.3f} = {term.weight:+.3f} × {term.x:.3f}, {term.name}")
    print(f"{side.rest:+8.3f}   from {side.others} others")
print(f"{reasons.bias:+8.3f}   bias")
print(f"{reasons.z:+8.3f}   together, as in the model but for {reasons.ulps:.1f} ulps")

strongest = reasons.order[0]
means = reasons.classes.mean[:, strongest]
shown = "  ".join(f"{digit}: {mean:+.2f}" for digit, mean in enumerate(means.tolist()))
print(f"{reasons.names[strongest]}, mean term by digit: {shown}")
