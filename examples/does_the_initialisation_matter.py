"""Does the initialisation of a deep network matter, and can it be told before the first step?"""

from weightdesk.training.compare import compare

found = compare(
    "digits",
    {"init": ["zeros", "xavier_uniform", "he_normal"]},
    "runs/initialisations",
    seeds=3,
    network="mlp",
    layers=(32,) * 10,
    activation="relu",
    optimizer="sgd",
    lr=0.05,
    steps=200,
    dropout=0,
)
print("before training")
for setting, start in found.starts.items():
    print(f"{setting:15} {start.verdict:13} {start.reason}")
print("\nafter it")
for setting, members in found.results.items():
    print(f"{setting:15}", "  ".join(f"{each.final['accuracy']:.1%}" for each in members))
print(found.verdict)
