"""Made-up transactions for the training tests, laid out as the channels have them: the label first, no header."""

from pathlib import Path

import numpy as np
import pandas as pd

LESSON = {
    "max_depth": 5,
    "eta": 0.2,
    "gamma": 4,
    "min_child_weight": 6,
    "subsample": 0.8,
    "objective": "binary:logistic",
}
LESSON_ROUNDS = 100


def transactions(rows: int, seed: int) -> pd.DataFrame:
    """Return a label and four features a row; the features are 64ths, which every parser of decimals gets right."""
    random = np.random.default_rng(seed)
    features = np.round(random.normal(size=(rows, 4)) * 64) / 64
    noise = random.normal(size=rows)
    labels = (features[:, 0] + features[:, 1] ** 2 + noise > 3).astype(int)
    table = pd.DataFrame(features)
    table.insert(0, "label", labels)
    return table


def write(table: pd.DataFrame, path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    table.to_csv(path, header=False, index=False)
