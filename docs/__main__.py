"""`python -m docs`: writes the generated tables into the documents."""

import sys

from docs.pages import ROOT, documents, with_tables
from docs.tables import TABLES


def main() -> None:
    for page in documents():
        before = page.read_text()
        after = with_tables(before, TABLES)
        if after != before:
            page.write_text(after)
            sys.stdout.write(f"{page.relative_to(ROOT)}\n")


main()
