"""Two real tables that come with scikit-learn: one to classify, one to predict a number from."""

from __future__ import annotations

import torch
from sklearn.datasets import load_breast_cancer, load_diabetes

from weightdesk.training.data.dataset import Dataset


def load(name: str) -> Dataset:
    """Return `breast-cancer` (Wolberg et al. 1995) or `diabetes` (Efron et al. 2004).

    >>> load("diabetes").outputs
    1
    """
    if name == "breast-cancer":
        table = load_breast_cancer()
        return Dataset(
            inputs=torch.from_numpy(table.data).float(),
            targets=torch.from_numpy(table.target).long(),
            task="classification",
            class_names=tuple(str(each) for each in table.target_names),
            feature_names=tuple(str(each) for each in table.feature_names),
        )
    table = load_diabetes(scaled=False)
    return Dataset(
        inputs=torch.from_numpy(table.data).float(),
        targets=torch.from_numpy(table.target).float().unsqueeze(1),
        task="regression",
        feature_names=tuple(str(each) for each in table.feature_names),
        target_names=("progression",),
    )
