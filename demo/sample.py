"""Made-up card transactions, for a run without any data at hand. No real transaction is behind them."""

from pathlib import Path

import numpy as np
import pandas as pd

ROWS = 20_000
FRAUDS = 120
_SEED = 1729
_COMPONENTS = 28
_TELLING = 8
_TWO_DAYS_IN_SECONDS = 172_800


def write_sample(path: Path) -> None:
    """Write a CSV with the columns of the lesson's table: Time, V1…V28, Amount, Class. The same at every call."""
    random = np.random.default_rng(_SEED)
    label = np.zeros(ROWS, dtype=int)
    label[random.choice(ROWS, FRAUDS, replace=False)] = 1
    components = random.normal(size=(ROWS, _COMPONENTS)) * np.linspace(2.0, 0.3, _COMPONENTS)
    # Frauds differ in some components by about one and a half deviations: enough to learn, too little to be sure.
    components[label == 1, :_TELLING] += random.normal(-1.5, 1.0, size=(FRAUDS, _TELLING)) * np.linspace(
        2.0, 1.5, _TELLING
    )
    table = pd.DataFrame(components.round(6), columns=[f"V{number}" for number in range(1, _COMPONENTS + 1)])
    table.insert(0, "Time", np.sort(random.integers(0, _TWO_DAYS_IN_SECONDS, ROWS)))
    table["Amount"] = random.lognormal(3.0, 1.5, ROWS).round(2)
    table["Class"] = label
    table.to_csv(path, index=False)
