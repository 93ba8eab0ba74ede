from __future__ import annotations

import pyarrow as pa

from weightdesk.terminal.curves import panels


def table(**columns: list[float | None]) -> pa.Table:
    steps = len(next(iter(columns.values())))
    return pa.table({"step": list(range(steps)), "time": [0.0] * steps, **columns})


def test_loss_and_score_get_a_panel_each() -> None:
    loss, score = panels(
        table(val_accuracy=[0.1, None], loss=[2.0, 1.0], accuracy=[None, 0.5], val_loss=[None, 3.0])
    )
    assert (loss.title, loss.is_share) == ("loss", False)
    assert (score.title, score.is_share) == ("accuracy", True)
    assert score.held_out is not None
    assert score.held_out.values.tolist() == [0.1]
    assert loss.last_step == 1


def test_steps_after_the_wanted_one_are_left_out() -> None:
    (panel,) = panels(table(loss=[3.0, 2.0, 1.0]), until=1)
    assert panel.training is not None
    assert panel.training.steps.tolist() == [0, 1]
    assert panel.held_out is None


def test_without_a_loss_and_a_score_the_first_metric_is_drawn() -> None:
    (panel,) = panels(table(reward=[1.0, 2.0], noise=[0.0, 0.0]))
    assert panel.title == "reward"


def test_nothing_is_drawn_of_nothing() -> None:
    assert panels(pa.table({"step": pa.array([], pa.int64()), "time": pa.array([], pa.float64())})) == ()
    assert panels(table(loss=[None, None])) == ()
    assert panels(table(val_loss=[None, 1.0]), until=0) == ()
