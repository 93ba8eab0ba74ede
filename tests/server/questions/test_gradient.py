from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from weightdesk.errors import IndexRangeError, OptionError
from weightdesk.explain import explain_gradient
from weightdesk.explain.gradients.contributions import without_factors
from weightdesk.explain.gradients.reasons import GradientReasons
from weightdesk.runs import Run, open_run
from weightdesk.server.questions.gradient import SHOWN, Gradient, GradientQuestion
from weightdesk.server.session import Session
from weightdesk.training import Moment, Recipe, replay, train

STEP = 4
WEIGHTS = [("hidden1.weight", (1, 30)), ("hidden2.bias", (1,)), ("output.weight", (3, 5))]


def asked(session: Session, name: str, index: tuple[int, ...], *path: int) -> Gradient:
    return GradientQuestion(parameter=name, index=index, step=STEP, path=path).answered(session)


def by_hand(run: Run, name: str, index: tuple[int, ...]) -> tuple[Moment, GradientReasons]:
    """What the library does, without a session."""
    moment = replay(run.recipe or {}, STEP)
    run.load_into(moment.model, STEP)
    batch = (moment.model, moment.inputs, moment.targets, moment.loss)
    return moment, explain_gradient(*batch, name, index, seed=moment.random_state)


def levels(session: Session, name: str, index: tuple[int, ...]) -> Iterator[Gradient]:
    """From the root to the loss, along the second summand wherever there are two."""
    path: tuple[int, ...] = ()
    while True:
        level = asked(session, name, index, *path)
        yield level
        known = [number for number, opens in enumerate(level.opens) if opens]
        if not known:
            return
        path += (known[1 if len(known) > 1 else 0],)


@pytest.mark.parametrize(("name", "index"), WEIGHTS)
def test_the_root_is_that_of_the_recorded_batch(
    digits_run: Run, digits_session: Session, name: str, index: tuple[int, ...]
) -> None:
    found = asked(digits_session, name, index)
    moment, reasons = by_hand(digits_run, name, index)
    table = reasons.contributions
    assert found.step == STEP
    assert found.total.tolist() == [reasons.gradient]
    assert found.total[0] == pytest.approx(digits_run.gradient(name, STEP)[index].item(), rel=1e-4, abs=1e-8)
    np.testing.assert_array_equal(found.first, table.delta[:SHOWN])
    np.testing.assert_array_equal(found.second, table.x[:SHOWN])
    np.testing.assert_array_equal(found.products, table.product[:SHOWN])
    assert found.others == len(table) - SHOWN
    sample = int(table.sample[0])
    told = moment.class_names[int(moment.targets[sample])]
    assert found.labels[0] == f"example {int(moment.examples[sample])} “{told}”"


@pytest.mark.parametrize(("name", "index"), WEIGHTS)
def test_pushes_are_by_class_and_add_up(
    digits_run: Run, digits_session: Session, name: str, index: tuple[int, ...]
) -> None:
    found = asked(digits_session, name, index)
    moment, reasons = by_hand(digits_run, name, index)
    assert reasons.classes is not None
    assert found.classes == tuple(moment.class_names[each] for each in reasons.classes)
    assert found.pushes.tolist() == list(reasons.classes.values())
    assert found.pushes.sum() == pytest.approx(found.total[0], rel=1e-9, abs=1e-12)


@pytest.mark.parametrize(("name", "index"), WEIGHTS)
def test_every_level_adds_up_down_to_the_loss(
    digits_session: Session, name: str, index: tuple[int, ...]
) -> None:
    found = list(levels(digits_session, name, index))
    assert len(found) == {"hidden1.weight": 4, "hidden2.bias": 3, "output.weight": 2}[name]
    assert found[-1].labels == ("loss",)
    for level in found:
        assert len(level.products) <= SHOWN
        np.testing.assert_allclose(level.first * level.second, level.products, rtol=1e-6, atol=1e-15)
        assert level.products.sum() + level.rest[0] == pytest.approx(level.total[0], rel=1e-12, abs=1e-15)
        if not level.others:
            size = np.abs(level.products).sum()
            assert level.rest[0] == pytest.approx(0, abs=1e-5 * size)


def test_what_is_opened_is_the_factor_that_was_seen(digits_session: Session) -> None:
    root = asked(digits_session, *WEIGHTS[0])
    for number in (0, 5, SHOWN - 1):
        level = asked(digits_session, *WEIGHTS[0], number)
        assert level.total[0] == pytest.approx(root.first[number], rel=1e-5)
        assert not level.classes
    further = asked(digits_session, *WEIGHTS[0], 0, 1)
    assert further.total[0] == pytest.approx(asked(digits_session, *WEIGHTS[0], 0).second[1], rel=1e-6)


def test_levels_are_those_of_the_tree(digits_run: Run, digits_session: Session) -> None:
    _, reasons = by_hand(digits_run, *WEIGHTS[0])
    parts = reasons.delta(int(reasons.contributions.sample[2])).largest(SHOWN)
    found = asked(digits_session, *WEIGHTS[0], 2)
    assert found.labels == tuple(f"{each.module}[{each.unit}]" for each in parts)
    np.testing.assert_allclose(found.first, [each.jacobian for each in parts], rtol=1e-5)
    np.testing.assert_allclose(found.products, [each.product for each in parts], rtol=1e-5)


def test_in_a_map_the_place_is_told_and_opened(tmp_path_factory: pytest.TempPathFactory) -> None:
    recipe = Recipe.create("digits", network="cnn", layers=(3, 4), steps=2, batch=8)
    run = open_run(train(recipe, tmp_path_factory.mktemp("runs") / "maps", every=1).directory)
    question = GradientQuestion(parameter="conv1.weight", index=(1, 0, 1, 1), step=1)
    session = Session(run)
    root = question.answer(session)
    assert all(" at " in each for each in root.labels)
    assert root.total[0] == pytest.approx(
        run.gradient("conv1.weight", 1)[1, 0, 1, 1].item(), rel=1e-3, abs=1e-7
    )
    for number in range(3):
        level = question.model_copy(update={"path": (number,)}).answer(session)
        assert level.total[0] == pytest.approx(root.first[number], rel=1e-4, abs=1e-9)


def test_the_gradient_is_explained_once(digits_run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    session, times = Session(digits_run), []
    explained = GradientQuestion._explained

    def counted(self: GradientQuestion, *arguments: object) -> object:
        times.append(1)
        return explained(self, *arguments)  # type: ignore[arg-type]

    monkeypatch.setattr(GradientQuestion, "_explained", counted)
    with ThreadPoolExecutor(4) as pages:
        found = list(pages.map(lambda number: asked(session, *WEIGHTS[0], number), [0, 1, 0, 1, 0, 1]))
    assert len(times) == 1
    assert found[0].products.tolist() == found[2].products.tolist() == found[4].products.tolist()


def test_what_has_no_factors_is_not_opened(digits_run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    moment, reasons = by_hand(digits_run, *WEIGHTS[0])
    shared = without_factors(reasons.contributions.product[:3], by_sample=False)
    plain = replace(reasons, contributions=shared, classes=None)
    monkeypatch.setattr(GradientQuestion, "_explained", lambda *_: (moment, plain))
    session = Session(digits_run)
    root = asked(session, *WEIGHTS[0])
    assert root.opens == (False,) * 3
    assert set(root.labels) == {"all examples"}
    assert root.pushes.shape == (0,)
    for number in (0, 3):
        with pytest.raises(IndexRangeError, match="none that can be opened"):
            asked(session, *WEIGHTS[0], number)


@pytest.mark.parametrize(("path", "words"), [((0, 11, 11), "parts"), ((0, 0, 0, 0), "loss")])
def test_a_path_that_leads_nowhere_is_refused(
    digits_session: Session, path: tuple[int, ...], words: str
) -> None:
    with pytest.raises((IndexRangeError, OptionError), match=words):
        asked(digits_session, *WEIGHTS[0], *path)


def test_a_loop_of_ones_own_is_refused_with_a_way_out(
    digits_run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = open_run(digits_run.path)
    monkeypatch.setattr(Run, "recipe", None)
    with pytest.raises(OptionError, match=r"weightdesk\.explain_gradient"):
        asked(Session(run), *WEIGHTS[0])


def test_beside_a_penalty_what_the_optimizer_was_given_is_told(tmp_path: Path) -> None:
    recipe = Recipe.create("xor", layers="4", steps=4, l2=0.05)
    run = open_run(train(recipe, tmp_path / "run", every=1).directory)
    found = GradientQuestion(parameter="hidden1.weight", index=(2, 1), step=3).answered(Session(run))
    weight, given = (each("hidden1.weight", 3)[2, 1].item() for each in (run.weights, run.gradient))
    assert f"the optimizer was given {given:+.4g}" in found.note
    before = run.weights("hidden1.weight", 2)[2, 1].item()
    penalties = [2 * 0.05 * each for each in (before, weight)]
    assert min(abs(given - found.total[0] - each) for each in penalties) < 1e-6
