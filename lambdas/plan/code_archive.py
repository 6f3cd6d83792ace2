"""The training code as the archive that the container unpacks."""

import gzip
import io
import tarfile
from pathlib import Path

SAMPLING_REQUIREMENTS = "sampling_requirements.txt"


def pack(folder: Path, *, sampling: bool) -> bytes:
    """The folder's `*.py` at the root of a tar.gz (aws-facts 3.1): the same files give the same bytes.

    With `sampling`, what that needs and AWS's image lacks is listed in a `requirements.txt`, which the container
    installs (aws-facts 3.2); without, a job asks no package index for anything.
    """
    packed = io.BytesIO()
    with (
        gzip.GzipFile(filename="", mode="wb", fileobj=packed, mtime=0) as compressed,
        tarfile.open(mode="w", fileobj=compressed) as archive,
    ):
        for path in sorted(folder.glob("*.py")):
            _add(archive, path.name, path.read_bytes())
        if sampling:
            _add(archive, "requirements.txt", (folder / SAMPLING_REQUIREMENTS).read_bytes())
    return packed.getvalue()


def _add(archive: tarfile.TarFile, name: str, content: bytes) -> None:
    """A TarInfo of its own has no owner and the mtime 0, whatever the file on disk has."""
    entry = tarfile.TarInfo(name)
    entry.size = len(content)
    archive.addfile(entry, io.BytesIO(content))
