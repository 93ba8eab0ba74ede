"""Can I train on my own sentences? A table with a column of texts and one of what to predict is enough."""

import csv
from pathlib import Path

import weightdesk
from weightdesk.training import Recipe, held_out, train
from weightdesk.training.data.reviews import write

with Path("sentences.csv").open("w", newline="", encoding="utf-8") as file:  # stands for your own table
    table = csv.writer(file)
    table.writerow(["sentence", "opinion"])
    table.writerows([each.text, "good" if each.praises else "bad"] for each in write(4000, noise=0.1, seed=0))

recipe = Recipe.create("sentences.csv", text="sentence", target="opinion", layers="32,64,64", lr=0.01)
outcome = train(recipe, "runs/sentences")
print(outcome.summary())

run = weightdesk.open_run(outcome.directory)
held = held_out(run.recipe)
run.load_into(held.model, -1)
for sentence in (
    "The plot is superb.",
    "The plot is not superb.",
    "The band falls flat.",
    "The band rents a flat.",
):
    tokens = held.inputs.new_tensor([held.encode(sentence)])
    shares = dict(zip(held.class_names, held.model(tokens)[0].softmax(0).tolist(), strict=True))
    print(f"{sentence:26}", *(f"{name} {share:.0%}" for name, share in shares.items()))
