"""How much data the function takes.

Chosen for 3,008 MB of memory, the most that a new AWS account may give a function: a CSV of 58.9 million values and
972 MB needed 2.0 GB with 31 columns, and one of 59.8 million values 2.5 GB with two, where the search for duplicates
has 30 million rows. On disk a downloaded CSV, or an archive and what it unpacks to, give way to a part at a time.
"""

from dataclasses import dataclass

MIB = 2**20


@dataclass(frozen=True)
class Limits:
    source_bytes: int = 512 * MIB
    csv_bytes: int = 1024 * MIB
    values: int = 60_000_000
    """Rows times columns: the lesson's data set has 8.8 million."""
    columns: int = 5_000
    """Each takes some milliseconds of its own, however few rows there are."""
    compression_ratio: int = 200
    """Numbers written as text shrink to a third or so, a zip bomb to a thousandth."""
    ratio_matters_from_bytes: int = 10 * MIB
