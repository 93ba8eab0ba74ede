"""The whole story: other weights lose it, numbers are those of the parts, work resumes from the cache."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from typing import Any

import pytest
import torch
from learned_signs import STEPS, examples, networks, specimen
from torch import nn

from weightdesk.capture import Specimen
from weightdesk.capture.baselines import scrambled
from weightdesk.capture.cache import Cache
from weightdesk.capture.layers import layers_of
from weightdesk.capture.story.dimension import dimension
from weightdesk.capture.story.representation import representations
from weightdesk.capture.story.separability import separability
from weightdesk.capture.story.similarity.cka import linear_cka
from weightdesk.capture.story.similarity.svcca import svcca
from weightdesk.capture.story.story import PARTS, LayerStory, layer_story
from weightdesk.errors import OptionError
from weightdesk.explain.page import Section
from weightdesk.runs.stores import open_store


@pytest.fixture(scope="module")
def story() -> LayerStory:
    return told()


def told(**options: Any) -> LayerStory:
    return layer_story(
        specimen(),
        untrained=networks()[0],
        others={"step 20": networks()[20]},
        model_at=networks().__getitem__,
        steps=STEPS,
        **options,
    )


def rows(sections: tuple[Section, ...], number: int = 0) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = sections[number].table.to_pylist()
    return found


@pytest.mark.parametrize("baseline", ["scrambled weights", "step 0"])
@pytest.mark.parametrize("score", ["Fisher ratio", "nearest class mean", "separation"])
def test_separability_of_the_last_layers_falls_to_chance_with_other_weights(
    story: LayerStory, score: str, baseline: str
) -> None:
    found = {each["layer"]: each for each in rows(story.parts["separability"]) if each["score"] == score}
    for layer in ("2", "4"):
        learned = found[layer]
        assert learned["from"] > 2 * learned[baseline] or learned[baseline] < learned["from"] - 0.2
        above = (learned[baseline] - learned["chance"]) / (learned["value"] - learned["chance"])
        assert above < 0.5
    assert found["inputs"][baseline] is None


@pytest.mark.parametrize(("measure", "number"), [("CKA", 0), ("SVCCA", 1)])
def test_similarity_to_the_output_falls_with_other_weights(
    story: LayerStory, measure: str, number: int
) -> None:
    found = {
        (each["layer"], each["network"], each["other layer"]): each
        for each in rows(story.parts["similarity"], number)
    }
    own, beside = found["4", "this network", "2"], found["4", "scrambled weights", "2"]
    assert own[measure] > own["chance"]
    assert beside[measure] < 0.7 * own[measure]
    assert found["4", "this network", "4"][measure] == pytest.approx(1)
    assert found["4", "step 20", "4"][measure] > found["4", "step 0", "4"][measure]


def test_probes_of_the_task_fall_with_other_weights(story: LayerStory) -> None:
    task = {each["layer"]: each for each in rows(story.parts["probes"]) if each["property"] == "task"}
    assert task["4"]["accuracy from"] > task["4"]["scrambled to"]
    assert task["4"]["accuracy from"] > task["inputs"]["accuracy to"]


def test_numbers_are_those_of_the_functions(story: LayerStory) -> None:
    whole, own = specimen(), networks()[STEPS[-1]]
    layers = layers_of(own, whole.inputs)
    assert whole.labels is not None
    features = representations(own, whole.inputs, layers)
    others = representations(scrambled(own, 0), whole.inputs, layers)
    for row in rows(story.parts["separability"]):
        found = separability(features[row["layer"]], whole.labels)
        names = ("Fisher ratio", "nearest class mean", "separation")
        place = names.index(row["score"])
        estimate = (found.fisher, found.accuracy, found.separation)[place]
        expected = (estimate.value, estimate.low, estimate.high, found.chance[place])
        assert (row["value"], row["from"], row["to"], row["chance"]) == expected
    for row in rows(story.parts["dimension"]):
        measured = dimension(features[row["layer"]])
        number = ("TwoNN", "participation ratio").index(row["score"])
        estimate = (measured.two_nn, measured.participation)[number]
        expected = (estimate.value, estimate.low, estimate.high, measured.shuffled[number])
        assert (row["value"], row["from"], row["to"], row["shuffled"]) == expected
    measures: list[tuple[str, Callable[..., float]]] = [("CKA", linear_cka), ("SVCCA", svcca)]
    for number, (name, measure) in enumerate(measures):
        for row in rows(story.parts["similarity"], number):
            if row["network"] == "scrambled weights":
                pair = features[row["layer"]], others[row["other layer"]]
                assert row[name] == pytest.approx(measure(*pair), abs=1e-12)


def test_every_part_has_its_tables_and_all_of_them_are_shown(story: LayerStory) -> None:
    assert tuple(story.parts) == tuple(PARTS)
    assert all(story.parts.values())
    assert story.formation is not None
    shown = [each.title for each in story.sections()]
    assert len(shown) == len(set(shown)) == sum(map(len, story.parts.values())) + 3
    assert story.title == "the story of 3 layers, on 400 examples"
    assert "intrinsic dimension" in story._repr_html_()


def test_the_same_seed_gives_the_same_numbers(story: LayerStory) -> None:
    assert told().sections() == story.sections()
    other = told(seed=1, parts=["separability"])
    assert other.parts["separability"] != story.parts["separability"]


def test_it_goes_on_from_its_cache_after_it_was_stopped(story: LayerStory) -> None:
    cache = Cache(open_store(tempfile.mkdtemp()))
    heard: list[str] = []

    def stop(what: str, share: float) -> None:
        heard.append(what)
        if what == "similarity" and share > 0.55:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        told(cache=cache, progress=stop)
    assert {"separability", "dimension"} < set(heard)
    heard.clear()
    resumed = told(cache=cache, progress=lambda what, _share: heard.append(what))
    assert set(heard) == {"similarity", "formation"}
    assert resumed.sections() == story.sections()


def test_what_decides_a_result_decides_whether_it_is_kept() -> None:
    cache = Cache(open_store(tempfile.mkdtemp()))
    heard: list[tuple[str, float]] = []

    def ask(whole: Specimen, **options: Any) -> bool:
        heard.clear()
        layer_story(
            whole, parts=["dimension"], cache=cache, progress=lambda *said: heard.append(said), **options
        )
        return bool(heard)

    assert ask(specimen())
    assert not ask(specimen())
    assert ask(specimen(), seed=1)
    assert ask(specimen(), untrained=networks()[0])
    assert ask(specimen().with_model(networks()[20]))
    assert ask(specimen(200))


def test_progress_says_the_share_of_the_whole() -> None:
    shares: list[float] = []
    told(progress=lambda _what, share: shares.append(share))
    assert shares[0] == 0
    assert shares[-1] == 1
    assert shares == sorted(shares)


def test_without_classes_and_steps_the_rest_is_told() -> None:
    inputs, _ = examples()
    found = layer_story(Specimen(networks()[0], inputs))
    assert [name for name, sections in found.parts.items() if sections] == ["dimension", "similarity"]
    assert found.formation is None
    tokens = torch.randint(0, 9, (60, 5), generator=torch.Generator().manual_seed(0))
    torch.manual_seed(0)
    text = nn.Sequential(nn.Embedding(9, 4), nn.Flatten(), nn.Linear(20, 2))
    found = layer_story(Specimen(text, tokens), parts=["dimension"])
    assert {each["layer"] for each in rows(found.parts["dimension"])} == {"0", "2"}


def test_an_unknown_part_is_refused() -> None:
    with pytest.raises(OptionError, match="no part 'colour' of a layer story; choose from probes"):
        layer_story(specimen(), parts=["colour"])
