from __future__ import annotations

import numpy as np
import pytest

from weightdesk.errors import OptionError
from weightdesk.runs import open_run
from weightdesk.server.questions import spectrum
from weightdesk.server.questions.spectrum import SpectrumQuestion
from weightdesk.server.session import Session
from weightdesk.training import Recipe, train


@pytest.mark.parametrize("name", ["hidden1.weight", "output.weight", "output.bias"])
@pytest.mark.parametrize("turns", [(), ("scale hidden1[2] 3",)])
def test_values_are_those_of_another_decomposition(
    digits_session: Session, name: str, turns: tuple[str, ...]
) -> None:
    found = SpectrumQuestion(parameter=name, step=6, turns=turns).answer(digits_session).values
    matrix = digits_session.weights(name, 6, turns).double().reshape(len(digits_session.weights(name, 6)), -1)
    np.testing.assert_allclose(found, np.linalg.svd(matrix.numpy(), compute_uv=False), rtol=1e-9, atol=1e-12)
    assert (np.diff(found) <= 0).all()
    assert np.square(found).sum() == pytest.approx(matrix.square().sum().item())


def test_kernels_are_rows_of_a_matrix(tmp_path_factory: pytest.TempPathFactory) -> None:
    recipe = Recipe.create("digits", network="cnn", layers=(3, 4), steps=1)
    run = open_run(train(recipe, tmp_path_factory.mktemp("runs") / "maps", every=1).directory)
    found = SpectrumQuestion(parameter="conv2.weight", step=1).answer(Session(run)).values
    matrix = run.weights("conv2.weight", 1).double().reshape(4, 27).numpy()
    np.testing.assert_allclose(found, np.linalg.svd(matrix, compute_uv=False), rtol=1e-9)


def test_what_takes_too_long_is_refused(digits_session: Session, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(spectrum, "MOST", 100)
    with pytest.raises(OptionError, match="too many to decompose"):
        SpectrumQuestion(parameter="hidden1.weight", step=6).answer(digits_session)


@pytest.mark.parametrize("value", ["nan", "inf"])
def test_what_has_none_is_refused(digits_session: Session, value: str) -> None:
    turns = (f"hidden1.weight[0,0]={value}",)
    with pytest.raises(OptionError, match="no singular values"):
        SpectrumQuestion(parameter="hidden1.weight", step=6, turns=turns).answer(digits_session)
