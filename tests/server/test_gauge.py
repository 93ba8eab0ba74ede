from __future__ import annotations

import multiprocessing

import pytest
from hypothesis import given
from hypothesis import strategies as st

from weightdesk.server.gauge import CalledOffError, Gauge


def work(gauge: Gauge) -> None:
    gauge.tell("probes", 0.5)


def test_what_another_process_tells_is_read_here() -> None:
    gauge = Gauge()
    assert gauge.read() is None
    process = multiprocessing.get_context("spawn").Process(target=work, args=(gauge,))
    process.start()
    process.join()
    assert gauge.read() == ("probes", 0.5)


def test_what_is_called_off_ends_and_the_next_work_does_not() -> None:
    gauge = Gauge()
    gauge.call_off()
    with pytest.raises(CalledOffError, match="probes: called off"):
        gauge.tell("probes", 0.5)
    gauge.rest()
    gauge.tell("pictures", 0.0)
    assert gauge.read() == ("pictures", 0.0)


@given(st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=200), st.floats(0, 1))
def test_long_words_are_cut_and_shares_stay_exact(what: str, share: float) -> None:
    gauge = Gauge()
    gauge.tell(what, share)
    found = gauge.read()
    assert found is not None
    assert what.startswith(found[0])
    assert len(found[0].encode()) < 80
    assert found[1] == share
