"""From the sources to the notebooks: a text in each language, the same code."""

import json
from collections.abc import Mapping
from pathlib import Path

import jupytext
import nbformat

FOLDER = Path(__file__).parent
LANGUAGES = ("en", "es")
_KERNEL = {
    "kernelspec": {"display_name": "Python 3 (ipykernel)", "language": "python", "name": "python3"},
    "language_info": {"name": "python"},
}


def sources() -> list[Path]:
    return sorted((FOLDER / "source").glob("*.py"))


def built() -> Mapping[Path, str]:
    """The content of every notebook, by its path; the same sources give the same text."""
    return {
        FOLDER / language / f"{source.stem}.ipynb": _notebook(source.read_text(), language)
        for source in sources()
        for language in LANGUAGES
    }


def write() -> None:
    for path, content in built().items():
        path.parent.mkdir(exist_ok=True)
        path.write_text(content)


def _notebook(source: str, language: str) -> str:
    notebook = jupytext.reads(source, fmt="py:percent")
    notebook.metadata = nbformat.from_dict(_KERNEL)
    notebook.cells = [cell for cell in notebook.cells if cell.metadata.get("lang", language) == language]
    for number, cell in enumerate(notebook.cells):
        cell.id, cell.metadata = f"cell-{number}", nbformat.from_dict({})
    nbformat.validate(notebook)
    return json.dumps(notebook, indent=1, ensure_ascii=False, sort_keys=True) + "\n"
