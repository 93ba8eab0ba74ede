from __future__ import annotations

import pytest
from quickly import QUICK, TWO

from weightdesk.training.compare import Comparison, compare


@pytest.fixture(scope="session")
def two_settings(tmp_path_factory: pytest.TempPathFactory) -> Comparison:
    """Two initialisers and three seeds on the digits, by two workers."""
    folder = tmp_path_factory.mktemp("comparison") / "digits"
    return compare("digits", TWO, folder, seeds=3, workers=2, **QUICK)
