"""The training code as the archive that the container unpacks."""

import gzip
import io
import tarfile
from pathlib import Path


def pack(folder: Path) -> bytes:
    """The folder's `*.py` at the root of a tar.gz (aws-facts 3.1): the same files give the same bytes."""
    packed = io.BytesIO()
    with (
        gzip.GzipFile(filename="", mode="wb", fileobj=packed, mtime=0) as compressed,
        tarfile.open(mode="w", fileobj=compressed) as archive,
    ):
        for path in sorted(folder.glob("*.py")):
            _add(archive, path)
    return packed.getvalue()


def _add(archive: tarfile.TarFile, path: Path) -> None:
    """A TarInfo of its own has no owner and the mtime 0, whatever the file on disk has."""
    content = path.read_bytes()
    entry = tarfile.TarInfo(path.name)
    entry.size = len(content)
    archive.addfile(entry, io.BytesIO(content))
