"""The columns by their names: those that the input speaks of, and how they are listed in messages.

In every table here the label is the first column, and the features follow.
"""

import difflib
from collections.abc import Sequence

import pandas as pd

from lambdas.prepare.errors import InvalidData, cut

NAMES_SHOWN = 40
LESSON_AMOUNT = "Amount"


def amount_column(table: pd.DataFrame, given: str | None) -> str | None:
    """The feature that says what a row's transaction is worth: the given one, else the lesson's if there is one.

    Raises InvalidData if the given one is no feature.
    """
    if given is not None:
        return feature(table, given, "data.amount_column")
    return LESSON_AMOUNT if LESSON_AMOUNT in table.columns[1:] else None


def require_amounts(table: pd.DataFrame, column: str | None) -> None:
    """Raises InvalidData unless every positive row has its amount."""
    advice = 'or give costs.missed_fraud as a number instead of "amount".'
    if column is None:
        raise InvalidData(
            f"The CSV file has no column {LESSON_AMOUNT!r}, but a missed fraud costs its own amount. Name the column "
            f"that has it as data.amount_column, {advice}"
        )
    amounts = table.loc[table.iloc[:, 0] == 1, column]
    missing = int(amounts.isna().sum())
    if missing:
        raise InvalidData(
            f"The amount {cut(column)!r} is missing in {missing:,} of {len(amounts):,} positive rows, but a missed "
            f"fraud costs its own amount. Remove or complete these rows, {advice}"
        )


def feature(table: pd.DataFrame, name: str, field: str) -> str:
    """`name`, which the input has as `field`, if it is a feature of the table; else InvalidData is raised."""
    label, *features = table.columns
    if name in features:
        return name
    what = "is the label" if name == label else "the CSV file does not have"
    raise InvalidData(
        f"{field} names the column {cut(name)!r}, which {what}; allowed are the features {listed(features)}. The "
        f"nearest name is {cut(nearest(name, features))!r}."
    )


def nearest(name: str, names: Sequence[str]) -> str:
    """The one of `names` that is spelt most like `name`, be it in capitals or not."""
    return max(names, key=lambda each: difflib.SequenceMatcher(None, name.casefold(), each.casefold()).ratio())


def listed(names: Sequence[str]) -> str:
    more = f" and {len(names) - NAMES_SHOWN:,} more" if len(names) > NAMES_SHOWN else ""
    return ", ".join(cut(name) for name in names[:NAMES_SHOWN]) + more
