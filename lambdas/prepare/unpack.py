"""From what was downloaded to one CSV file, trusting nothing that the archive says of itself."""

import io
import re
import stat
import struct
import zipfile
import zlib
from pathlib import Path, PurePosixPath

from lambdas.prepare.bounded import CHUNK, copy_bounded
from lambdas.prepare.errors import InvalidData, TooMuchData, cut
from lambdas.prepare.limits import MIB, Limits

ZIP_MAGIC = (b"PK\x03\x04", b"PK\x05\x06")
GZIP_MAGIC = b"\x1f\x8b"
ENCRYPTED = 0x1
PACKED_BY = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
"""Others, which few programs write, ask for as much memory as the archive says."""
ALLOWED = "Allowed are a CSV file, or a zip archive with exactly one CSV file in it."

DAMAGED = (
    *(zipfile.BadZipFile, zlib.error, struct.error),
    *(EOFError, IndexError, NotImplementedError, OSError, ValueError),
)
"""What the standard library raises at archives that are damaged, be it on purpose."""


class Archive(io.FileIO):
    """Reads no more at once than a chunk: an archive's list of its members, which is read as one, may be as long."""

    def read(self, size: int | None = -1, /) -> bytes:
        if size is not None and size > CHUNK:
            raise InvalidData(f"The zip archive has too many members for one CSV file. {ALLOWED}")
        return super().read(size) or b""


def csv_file(downloaded: Path, limits: Limits) -> Path:
    """The CSV file: `downloaded` itself, or the one unpacked from it, in which case `downloaded` is removed.

    What it is is told by its first bytes, never by its name. Raises InvalidData or TooMuchData.
    """
    with downloaded.open("rb") as file:
        magic = file.read(4)
    if magic.startswith(GZIP_MAGIC):
        raise InvalidData(f"The source is a gzip file. {ALLOWED} Unpack it, or pack it as zip.")
    if magic not in ZIP_MAGIC:
        return downloaded
    unpacked = downloaded.with_name("unpacked.csv")
    try:
        with Archive(downloaded) as packed, zipfile.ZipFile(packed) as archive:
            _unpack(archive, only_csv(archive, limits), unpacked, limits)
    except DAMAGED as error:
        raise InvalidData(
            f"The source is a zip archive that can't be unpacked: {cut(str(error)) or 'it is cut off'}. Pack it again."
        ) from error
    downloaded.unlink()
    return unpacked


def only_csv(archive: zipfile.ZipFile, limits: Limits) -> zipfile.ZipInfo:
    """The archive's one CSV member, once every member's name and kind, and that one's declared size, have passed."""
    members = [member for member in archive.infolist() if not _is_ignored(member)]
    for member in members:
        _refuse_dangerous(member)
    csvs = [member for member in members if member.filename.lower().endswith(".csv")]
    if len(csvs) != 1:
        found = ", ".join(sorted(repr(cut(member.filename)) for member in members)[:10]) or "nothing"
        raise InvalidData(f"The zip archive has {len(csvs)} CSV files; it holds {found}. {ALLOWED}")
    if csvs[0].compress_type not in PACKED_BY:
        raise InvalidData(
            f"The zip archive's member {cut(csvs[0].filename)!r} is packed by another method than Deflate. Pack it "
            "again, as zip programs do unless told otherwise."
        )
    _refuse_oversized(csvs[0], limits)
    return csvs[0]


def _is_ignored(member: zipfile.ZipInfo) -> bool:
    """Folders, and what macOS adds to archives."""
    return member.is_dir() or member.filename.startswith("__MACOSX/")


def _refuse_dangerous(member: zipfile.ZipInfo) -> None:
    name = member.filename
    shown = f"The zip archive's member {cut(name)!r}"
    path = PurePosixPath(name.replace("\\", "/"))
    if path.is_absolute() or ".." in path.parts or re.match(r"[A-Za-z]:", name):
        raise InvalidData(f"{shown} has a path that leads out of the archive. {ALLOWED}")
    if stat.S_ISLNK(member.external_attr >> 16):
        raise InvalidData(f"{shown} is a symbolic link. {ALLOWED}")
    if member.flag_bits & ENCRYPTED:
        raise InvalidData(f"{shown} is encrypted. {ALLOWED} Pack it without a password.")
    if name.lower().endswith(".zip"):
        raise InvalidData(f"The zip archive holds another archive, {cut(name)!r}. {ALLOWED}")


def _refuse_oversized(member: zipfile.ZipInfo, limits: Limits) -> None:
    if member.file_size > limits.csv_bytes:
        raise too_large(member.filename, limits)
    ratio = member.file_size / max(member.compress_size, 1)
    if member.file_size >= limits.ratio_matters_from_bytes and ratio > limits.compression_ratio:
        raise InvalidData(
            f"The zip archive's member {cut(member.filename)!r} unpacks to {ratio:,.0f} times its size; allowed "
            f"is {limits.compression_ratio} times, since more is the mark of a zip bomb. Give the CSV file itself."
        )


def _unpack(archive: zipfile.ZipFile, member: zipfile.ZipInfo, target: Path, limits: Limits) -> None:
    with archive.open(member) as packed, target.open("wb") as unpacked:
        copy_bounded(packed, unpacked, limits.csv_bytes, too_large(member.filename, limits))


def too_large(name: str, limits: Limits) -> TooMuchData:
    return TooMuchData(
        f"{cut(name)!r} is larger than the {limits.csv_bytes // MIB:,} MiB of CSV that this function takes. Give a "
        "sample of its rows."
    )
