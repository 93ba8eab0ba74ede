"""`weightdesk train` on SST-2 over five seeds, beside TF-IDF with logistic regression and a plain loop.

The 6,920 sentences of train.tsv train, the 1,821 of test.tsv judge; the 872 of dev.tsv had no part in
choosing the recipe's defaults, so they tell whether these were fitted to the test. The plain loop is the
same network with Adam's own learning rate, embeddings that start as Kim's (2014) and the best of 8
passes by dev.tsv. The data lie in the folder that `squeezenet.py` describes.
"""

from __future__ import annotations

import csv
import statistics
import sys
import tempfile
import time
from pathlib import Path

import torch
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from torch import Tensor, nn
from torch.nn import functional

sys.path.insert(0, str(Path(__file__).parent))

from reporting import Row, markdown, seconds
from squeezenet import DATA

from weightdesk.runs import open_run
from weightdesk.training import Preparation, Recipe, held_out, prepare, train
from weightdesk.training.data.words import Encoder
from weightdesk.training.networks import Plan, build
from weightdesk.training.objective import accuracy

FOLDER = DATA / "sst2"
SEEDS = range(5)
PASSES = 8


def measure() -> list[Row]:
    """Train with each seed, recording; then the others on the same sentences."""
    tests, devs, walls = zip(*(_recorded(seed) for seed in SEEDS), strict=True)
    linear, linear_seconds = _tf_idf()
    plain = [_plain(seed) for seed in SEEDS]
    loop = statistics.median(each[1] for each in plain)
    return [
        Row("textcnn on SST-2, test accuracy, median of 5 seeds", f"{statistics.median(tests):.1%}", "≥ 80 %",
            statistics.median(tests) >= 0.8),
        Row("… worst of 5 seeds", f"{min(tests):.1%}", "≥ 80 %", min(tests) >= 0.8),
        Row("… on dev.tsv, median of 5 seeds", f"{statistics.median(devs):.1%}"),
        Row("… wall time with its recording, slowest of 5", f"{max(walls):.1f} s", "< 60 s", max(walls) < 60),
        Row("TF-IDF with logistic regression, test accuracy", f"{linear:.1%} in {linear_seconds:.1f} s"),
        Row("a plain PyTorch loop, test accuracy, median of 5 seeds",
            f"{statistics.median(each[0] for each in plain):.1%} in {loop:.1f} s"),
        Row("… worst of 5 seeds", f"{min(each[0] for each in plain):.1%}"),
    ]  # fmt: skip


def _recipe(seed: int) -> Recipe:
    return Recipe.create(FOLDER, text="1", target="2", validation=0, seed=seed)


def _recorded(seed: int) -> tuple[float, float, float]:
    """Accuracy on test and dev sentences, and seconds."""
    outcomes = []
    with tempfile.TemporaryDirectory() as folder:
        wall = seconds(lambda: outcomes.append(train(_recipe(seed), f"{folder}/run")))
        run = open_run(f"{folder}/run")
        held = held_out(run.recipe or {})
        run.load_into(held.model, -1)
    rows, labels = _dev(held.tokens, held.inputs.shape[1])
    return outcomes[0].metrics["test"]["accuracy"], _accuracy(held.model, rows, labels), wall


def _tf_idf() -> tuple[float, float]:
    started = time.perf_counter()
    (texts, labels), (others, truth) = _sentences("train"), _sentences("test")
    vectorizer = TfidfVectorizer(ngram_range=(1, 2), token_pattern=r"\S+")
    model = LogisticRegression(C=10, max_iter=1000).fit(vectorizer.fit_transform(texts), labels)
    score: float = model.score(vectorizer.transform(others), truth)
    return score, time.perf_counter() - started


def _plain(seed: int) -> tuple[float, float]:
    """Test accuracy after the pass that is best on dev.tsv, and the seconds of all passes."""
    prepared = prepare(_recipe(seed))
    torch.manual_seed(seed)
    tokens, shape = prepared.dataset.tokens, prepared.dataset.input_shape
    model = build(
        "textcnn", Plan(input_shape=shape, outputs=2, tokens=len(tokens), layers=(32,) * 4, dropout=0.5)
    )
    nn.init.uniform_(model.embedding.weight.data[1:], -0.25, 0.25)
    dev, best, spent = _dev(tokens, shape[0]), (0.0, 0.0), 0.0
    optimizer = torch.optim.Adam(model.parameters())
    for _ in range(PASSES):
        spent += seconds(lambda: _pass(model, optimizer, prepared))
        test = prepared.parts["test"]
        best = max(best, (_accuracy(model, *dev), _accuracy(model, test.inputs, test.targets)))
    return best[1], spent


def _pass(model: nn.Module, optimizer: torch.optim.Optimizer, prepared: Preparation) -> None:
    part = prepared.parts["train"]
    model.train()
    for batch in torch.randperm(len(part)).split(64):
        optimizer.zero_grad()
        functional.cross_entropy(model(part.inputs[batch]), part.targets[batch]).backward()
        optimizer.step()


def _dev(tokens: tuple[str, ...], length: int) -> tuple[Tensor, Tensor]:
    texts, labels = _sentences("dev")
    encode = Encoder(tokens, length)
    return torch.tensor([encode(text)[-length:] for text in texts]), torch.tensor(labels)


def _accuracy(model: nn.Module, rows: Tensor, labels: Tensor) -> float:
    with torch.no_grad():
        return float(accuracy(model.eval()(rows), labels))


def _sentences(part: str) -> tuple[list[str], list[int]]:
    with (FOLDER / f"{part}.tsv").open(encoding="utf-8") as file:
        rows = list(csv.reader(file, delimiter="\t", quoting=csv.QUOTE_NONE))
    return [text for text, _ in rows], [int(label) for _, label in rows]


if __name__ == "__main__":
    if FOLDER.is_dir():
        print(markdown(measure()))
    else:
        print(f"skipped: there is no folder {FOLDER.name} among the data, see squeezenet.py")
