"""The lesson's split into training, validation and test rows."""

from pathlib import Path

import pandas as pd
import pyarrow as pa  # type: ignore[import-untyped]
import pyarrow.csv as pa_csv  # type: ignore[import-untyped]

from lambdas.prepare.errors import InvalidData

SEED = 1729
TRAIN_ENDS_AT = 0.7
VALIDATION_ENDS_AT = 0.9

Parts = dict[str, pd.DataFrame]


def split(table: pd.DataFrame) -> Parts:
    """All rows shuffled, then 70 % `train`, 20 % `validation`, 10 % `test`, row for row as the lesson's

    `np.split(table.sample(frac=1, random_state=1729), [int(0.7 * n), int(0.9 * n)])`.

    The label is the first column. Raises InvalidData if a part would lack one of the classes 0 and 1.
    """
    shuffled = table.sample(frac=1, random_state=SEED)
    train_end, validation_end = int(TRAIN_ENDS_AT * len(table)), int(VALIDATION_ENDS_AT * len(table))
    parts = {
        "train": shuffled.iloc[:train_end],
        "validation": shuffled.iloc[train_end:validation_end],
        "test": shuffled.iloc[validation_end:],
    }
    for name, part in parts.items():
        _check_classes(name, part)
    return parts


def positives(part: pd.DataFrame) -> int:
    return int((part.iloc[:, 0] == 1).sum())


def _check_classes(name: str, part: pd.DataFrame) -> None:
    ones = positives(part)
    if ones in (0, len(part)):
        raise InvalidData(
            f"The {name} part would have {ones:,} positives in its {len(part):,} rows; each of the parts (70 % train, "
            "20 % validation, 10 % test) needs rows of both classes. Give more rows of the rarer class."
        )


def write_csv(part: pd.DataFrame, path: Path) -> None:
    """The rows without header or index; a missing value is an empty field.

    Arrow writes a number's shortest text that reads back as the same number, as `DataFrame.to_csv` does, in a tenth
    of its time.
    """
    rows = pa.Table.from_pandas(part, preserve_index=False)
    pa_csv.write_csv(rows, path, pa_csv.WriteOptions(include_header=False))
