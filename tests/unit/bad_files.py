"""Files that no model can be trained on, and odd ones that one can: what a user may give as the data.

Each is a valid file but for one thing.
"""

import bz2
import gzip
import io
import lzma
import stat
import struct
import tarfile
import zipfile
from collections.abc import Callable
from dataclasses import dataclass, field, replace

from lambdas.prepare.errors import InvalidData, TooMuchData
from lambdas.prepare.limits import MIB, Limits

HEADER = "Time,V1,Class\n"
ROWS = "".join(f"{row},{row / 7!r},{int(row % 3 == 0)}\n" for row in range(120))
GOOD = HEADER + ROWS
GOOD_BYTES = GOOD.encode()


@dataclass(frozen=True)
class BadFile:
    """`named` are words that the refusal has to have: what was given, and what is allowed."""

    name: str
    content: bytes = field(repr=False)
    named: tuple[str, ...]
    error: type[InvalidData] = InvalidData
    limits: Limits = field(default_factory=Limits)

    @classmethod
    def of(cls, name: str, content: str | bytes, *named: str) -> "BadFile":
        return cls(name, content.encode() if isinstance(content, str) else content, named)

    @classmethod
    def too_much(cls, name: str, content: bytes, limits: Limits, *named: str) -> "BadFile":
        return cls(name, content, named, TooMuchData, limits)


@dataclass(frozen=True)
class OddFile:
    name: str
    content: bytes = field(repr=False)
    rows: int = 120


def with_row(row: str) -> str:
    """The good file, and a row more."""
    return f"{GOOD}{row}\n"


def repeated(header: str, *rows: str) -> str:
    """The rows 50 times over."""
    return f"{header}\n" + "".join(f"{row}\n" for row in rows) * 50


def wide(columns: int, rows: int = 30) -> bytes:
    header = ",".join(["Class", *(f"V{number}" for number in range(1, columns))])
    cells = ",".join(["0.5"] * (columns - 1))
    return "\n".join([header, *(f"{row % 2},{cells}" for row in range(rows)), ""]).encode()


# --- archives -------------------------------------------------------------------------------------------------------


def zipped(members: dict[str, str | bytes], method: int = zipfile.ZIP_DEFLATED) -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", method) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return packed.getvalue()


def with_kind(kind: int) -> bytes:
    """A zip whose one member is of that kind of file."""
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        member = zipfile.ZipInfo("a.csv")
        member.external_attr = (kind | 0o777) << 16
        archive.writestr(member, "/etc/passwd")
    return packed.getvalue()


def edited(packed: bytes, change: Callable[[bytearray, int], None]) -> bytes:
    """`change` gets the archive, and where in it the entry of its first member is in the list at its end."""
    content = bytearray(packed)
    change(content, content.index(b"PK\x01\x02"))
    return bytes(content)


def _number(place: int, value: int, width: int = 4) -> Callable[[bytearray, int], None]:
    """Write a number at that place of the entry."""

    def change(content: bytearray, entry: int) -> None:
        content[entry + place : entry + place + width] = value.to_bytes(width, "little")

    return change


def _encrypt(content: bytearray, entry: int) -> None:
    content[entry + 8] |= 0x1


def _damage(content: bytearray, entry: int) -> None:
    content[60] ^= 0xFF


CRC, PACKED_SIZE, SIZE, METHOD, NAME_LENGTH, OFFSET = 16, 20, 24, 10, 28, 42
"""Places in an entry of a zip's list of members."""
PLAIN = zipped({"a.csv": GOOD})
STORED = zipped({"a.csv": GOOD}, zipfile.ZIP_STORED)
BOMB = zipped({"a.csv": "0" * 3_000_000})
"""It shrinks to a thousandth."""


def _nested_quine() -> bytes:
    """A zip in a zip, under a name that does not say so."""
    return zipped({"a.csv": PLAIN})


def _many_members() -> bytes:
    """A list of members that is longer than a MiB: each costs memory, and no file has to be there for it."""
    entry = PLAIN[PLAIN.index(b"PK\x01\x02") : PLAIN.index(b"PK\x05\x06")]
    count = MIB // len(entry) + 1
    start = PLAIN[: PLAIN.index(b"PK\x01\x02")]
    end = struct.pack("<4s4H2LH", b"PK\x05\x06", 0, 0, count, count, count * len(entry), len(start), 0)
    return start + entry * count + end


def _tar(mode: str) -> bytes:
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode=mode) as archive:  # type: ignore[call-overload]
        member = tarfile.TarInfo("a.csv")
        member.size = len(GOOD_BYTES)
        archive.addfile(member, io.BytesIO(GOOD_BYTES))
    return packed.getvalue()


def _folder_alone() -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr(zipfile.ZipInfo("data.csv/"), "")
    return packed.getvalue()


ONE_CSV = "exactly one CSV file"
SMALL = replace(Limits(), csv_bytes=2000)
LYING_BOMB = edited(BOMB, _number(SIZE, 1999))
CAREFUL = replace(Limits(), ratio_matters_from_bytes=MIB)

ARCHIVES = (
    BadFile.of("gzip", gzip.compress(GOOD_BYTES), "is a gzip file", ONE_CSV),
    BadFile.of("gzip that is cut off", gzip.compress(GOOD_BYTES)[:50], "is a gzip file"),
    BadFile.of("gzip bomb", gzip.compress(bytes(3_000_000)), "is a gzip file"),
    BadFile.of("tar", _tar("w"), "not UTF-8 text"),
    BadFile.of("tar.gz", _tar("w:gz"), "is a gzip file"),
    BadFile.of("xz", lzma.compress(GOOD_BYTES), "not UTF-8 text"),
    BadFile.of("bz2", bz2.compress(GOOD_BYTES), "not UTF-8 text"),
    BadFile.of("zip without a CSV", zipped({"README.txt": "x"}), "0 CSV files", "'README.txt'", ONE_CSV),
    BadFile.of("empty zip", zipped({}), "0 CSV files", "nothing"),
    BadFile.of("zip with a folder alone", _folder_alone(), "0 CSV files", "nothing"),
    BadFile.of("zip with two CSVs", zipped({"a.csv": GOOD, "b.CSV": GOOD}), "2 CSV files", "'a.csv', 'b.CSV'", ONE_CSV),
    BadFile.of("zip with a zip beside", zipped({"a.csv": GOOD, "b.zip": PLAIN}), "another archive, 'b.zip'"),
    BadFile.of("zip in a zip", zipped({"data.zip": PLAIN}), "another archive, 'data.zip'"),
    BadFile.of("zip in a zip by another name", _nested_quine(), "not UTF-8 text"),
    BadFile.of("climbing path", zipped({"../a.csv": GOOD}), "'../a.csv'", "leads out of the archive"),
    BadFile.of("climbing path of Windows", zipped({"x\\..\\..\\a.csv": GOOD}), "leads out of the archive"),
    BadFile.of("absolute path", zipped({"/etc/a.csv": GOOD}), "'/etc/a.csv'", "leads out of the archive"),
    BadFile.of("drive letter", zipped({"C:\\a.csv": GOOD}), "leads out of the archive"),
    BadFile.of("climbing path of another member", zipped({"a.csv": GOOD, "../b.txt": ""}), "'../b.txt'", "leads out"),
    BadFile.of("symbolic link", with_kind(stat.S_IFLNK), "'a.csv' is a symbolic link"),
    BadFile.of("encrypted member", edited(PLAIN, _encrypt), "'a.csv' is encrypted", "without a password"),
    BadFile.of("zip that is cut off", PLAIN[:-30], "can't be unpacked"),
    BadFile.of("zip that is cut in half", PLAIN[: len(PLAIN) // 2], "can't be unpacked"),
    BadFile.of("zip of four bytes", PLAIN[:4], "can't be unpacked"),
    BadFile.of("damaged member", edited(PLAIN, _damage), "can't be unpacked"),
    BadFile.of("wrong check sum", edited(STORED, _number(CRC, 1)), "can't be unpacked", "CRC"),
    BadFile.of("member that declares less", edited(STORED, _number(SIZE, 100)), "can't be unpacked"),
    BadFile.of("member elsewhere", edited(PLAIN, _number(OFFSET, 2**31)), "can't be unpacked"),
    BadFile.of("member without a name", edited(PLAIN, _number(NAME_LENGTH, 0, 2)), "can't be unpacked"),
    BadFile.of("bzip2 in a zip", zipped({"a.csv": GOOD}, zipfile.ZIP_BZIP2), "'a.csv'", "Deflate"),
    BadFile.of("LZMA in a zip", zipped({"a.csv": GOOD}, zipfile.ZIP_LZMA), "'a.csv'", "Deflate"),
    BadFile.of("unknown method in a zip", edited(PLAIN, _number(METHOD, 77, 2)), "'a.csv'", "Deflate"),
    BadFile.of("too many members", _many_members(), "too many members", ONE_CSV),
    BadFile("bomb by its ratio", BOMB, ("'a.csv' unpacks to", "mark of a zip bomb"), limits=CAREFUL),
    BadFile.too_much("bomb by its size", BOMB, SMALL, "'a.csv' is larger than"),
    BadFile("bomb that lies about its size", LYING_BOMB, ("can't be unpacked",), limits=SMALL),
    BadFile.of("member with a very long name", zipped({"x" * 60_000 + ".txt": ""}), "0 CSV files", "'xxx", "…"),
)

# --- texts ----------------------------------------------------------------------------------------------------------

FIELDS = "as many fields as the header"

ENCODINGS = (
    BadFile.of("UTF-16 with a mark", GOOD.encode("utf-16"), "not UTF-8 text", "Save it as UTF-8"),
    BadFile.of("UTF-16 without a mark", GOOD.encode("utf-16-le"), "not UTF-8 text", "Save it as UTF-8"),
    BadFile.of("UTF-32", GOOD.encode("utf-32"), "not UTF-8 text"),
    BadFile.of("Latin-1 in the header", GOOD.replace("V1", "V\xe9").encode("latin-1"), "not UTF-8 text"),
    BadFile.of("Latin-1 in a row", with_row("1,\xe9,0").encode("latin-1"), "not UTF-8 text"),
    BadFile.of("NUL bytes", GOOD.replace("\n7,", "\n\0007,"), "not UTF-8 text", "NUL"),
)

SHAPES = (
    BadFile.of("empty file", "", "is empty", "column names"),
    BadFile.of("blank lines alone", "\n\r\n \n", "is empty"),
    BadFile.of("byte order mark alone", b"\xef\xbb\xbf", "is empty"),
    BadFile.of("header alone", HEADER, "no rows"),
    BadFile.of("no header", ROWS, "numbers only", "add a header"),
    BadFile.of("semicolons", GOOD.replace(",", ";"), "'Time;V1;Class'", "other than a comma"),
    BadFile.of("tabs", GOOD.replace(",", "\t"), "other than a comma"),
    BadFile.of("pipes", GOOD.replace(",", "|"), "other than a comma"),
    BadFile.of("decimal commas", GOOD.replace(",", ";").replace(".", ","), FIELDS),
    BadFile.of("row that is too long", with_row("1,2,0,7"), "line 122", FIELDS),
    BadFile.of("rows that are all too long", HEADER + ROWS.replace("\n", ",1\n"), FIELDS),
    BadFile.of("separator after every row", HEADER + ROWS.replace("\n", ",\n"), FIELDS),
    BadFile.of("separator after every line", GOOD.replace("\n", ",\n"), "unique and not empty"),
    BadFile.of("row that is too short", with_row("1,2"), "line 122 has 2 of 3 fields", FIELDS),
    BadFile.of("row of one field", with_row("1"), "line 122 has 1 of 3 fields", FIELDS),
    BadFile.of(
        "row that is too short with the label first", repeated("Class,A,B", "0,1,2", "1,1,2") + "1,3\n", "line 102"
    ),
    BadFile.of(
        "short row in the middle with blank lines", repeated("Class,A,B\n\n1,3", "0,1,2", "1,1,2"), "line 3 has"
    ),
    BadFile.of(
        "short row after a header of two lines", repeated('Class,A,"B\nb"', "0,1,2", "1,1,2") + "1,3\n", "line 103"
    ),
    BadFile.of("short row with CR alone", with_row("1,2").replace("\n", "\r"), "line 122 has 2 of 3 fields", FIELDS),
    BadFile.of("short row among quotation marks", f'a",V1,Class\n1",2\n{ROWS}', FIELDS),
    BadFile.of("file that is cut off in a row", GOOD[: -len("0,1\n") - 2], FIELDS),
    BadFile.of("quotation mark that is not closed", with_row('"1,2,0'), "1 quotation marks", "not closed"),
    BadFile.of("quotation mark in a number", with_row('1",2,0'), "not closed"),
    BadFile.of("line that is too long", GOOD + "1" * (MIB + 1), "line of more than 1 MiB", "near line 122"),
    BadFile.of("name that is too long", f"{'A' * (2 * MIB)},V1,Class\n{ROWS}", "line of more than 1 MiB"),
    BadFile.of("very long name", f"{'A' * 200_000},V1,Label\n{ROWS}", "no column 'Class'", "AAA", "…, V1, Label"),
    BadFile.of("web page", "<!DOCTYPE html>\n<html><p>Sign in, please</p></html>\n", FIELDS),
    BadFile.of("JSON", '[{"Time": 1, "Class": 0}]\n', "no column 'Class'"),
)

COLUMNS = (
    BadFile.of("repeated name", f"V1,V1,Class\n{ROWS}", "unique and not empty", "'V1'"),
    BadFile.of("label that is there twice", f"Class,V1,Class\n{ROWS}", "unique and not empty", "'Class'"),
    BadFile.of("empty name", f"Time,,Class\n{ROWS}", "unique and not empty", "''"),
    BadFile.of("absent label", GOOD.replace("Class", "class"), "Time, V1, class", "'class'?", "data.label_column"),
    BadFile.of("spaces around names", GOOD.replace(",Class", ", Class"), "no column 'Class'", "' Class'?"),
    BadFile.of("label alone", "Class\n0\n1\n", "at least one feature"),
    BadFile.too_much("10,000 columns", wide(10_000, 2), Limits(), "10,000 columns", "5,000"),
    BadFile.too_much(
        "too many values", GOOD_BYTES, replace(Limits(), values=362), "121 lines of 3 columns", "362 values"
    ),
    BadFile.too_much(
        "too many values with CR alone",
        GOOD_BYTES.replace(b"\n", b"\r"),
        replace(Limits(), values=362),
        "121 lines of 3 columns",
    ),
    BadFile.too_much(
        "too many bytes", GOOD_BYTES, replace(Limits(), source_bytes=1000), "s3://raw/data is larger than"
    ),
)

LABELS = (
    BadFile.of("third class", with_row("1,2,2"), "'Class' holds 2", "0 and 1"),
    BadFile.of("negative class", with_row("1,2,-1"), "'Class' holds -1"),
    BadFile.of("label between", with_row("1,2,0.5"), "'Class' holds 0.5"),
    BadFile.of("label in words", with_row("1,2,fraud"), "'Class' holds 'fraud'"),
    BadFile.of("label in very long words", with_row(f"1,2,{'x' * 100_000}"), "'Class' holds 'xxx", "…'"),
    BadFile.of("label true and false", repeated("V1,Class", "1,True", "2,False"), "'Class' holds", "0 and 1"),
    BadFile.of("infinite label", with_row("1,2,inf"), "'Class' holds inf"),
    BadFile.of("missing label", with_row("1,2,"), "'Class' is missing in 1 of 121 rows"),
    BadFile.of("label that is no number", with_row("1,2,nan"), "'Class' is missing in 1 of 121 rows"),
    BadFile.of("one row", HEADER + "1,2,0\n", "'Class' is 0 in every row", "both classes"),
    BadFile.of("two rows", HEADER + "1,2,0\n1,3,1\n", "part would have", "both classes"),
    BadFile.of("one class", GOOD.replace(",1\n", ",0\n"), "'Class' is 0 in every row"),
    BadFile.of("one row of a class", with_row("1,2,1").replace(",1\n", ",0\n", 40), "part would have", "stratified"),
)

NUMBERS = (
    BadFile.of("text in a column", with_row("noon,2,0"), "numeric", "Time"),
    BadFile.of("true and false", repeated("V1,V2,Class", "True,1,0", "False,1,1"), "numeric", "V1"),
    BadFile.of("dates", with_row("2026-11-29,2,0"), "numeric", "Time"),
    BadFile.of("underscores in numbers", with_row("1_000,2,0"), "numeric", "Time"),
    BadFile.of("hexadecimal numbers", with_row("0x1F,2,0"), "numeric", "Time"),
    BadFile.of("thousands separators in quotes", with_row('"1,000",2,0'), "numeric", "Time"),
    BadFile.of("decimal commas in quotes", with_row('"0,5",2,0'), "numeric", "Time"),
    BadFile.of("currency", with_row("$5,2,0"), "numeric", "Time"),
    BadFile.of("newline in a text", with_row('"a\nb",2,0'), "numeric", "Time"),
    BadFile.of("formula", with_row("=1+1,2,0"), "numeric", "Time"),
    BadFile.of("infinity", with_row("1,inf,0"), "finite", "not so V1"),
    BadFile.of("infinity in words", with_row("1,-Infinity,0"), "finite", "not so V1"),
    BadFile.of("number beyond 64 bits", with_row("1,1e999,0"), "finite", "not so V1"),
    BadFile.of("number beyond 32 bits", with_row("1,-1e39,0"), "±3.4e+38", "not so V1"),
    BadFile.of("number of 400 digits", with_row(f"1,{'9' * 400},0"), "finite", "not so V1"),
    BadFile.of("only feature missing", "V1,Class\n1.5,0\n,1\n2.5,0\n", "'V1', is missing in 1 of 3 rows"),
)

BAD_FILES = (*ARCHIVES, *ENCODINGS, *SHAPES, *COLUMNS, *LABELS, *NUMBERS)

ODD_FILES = (
    OddFile("the good file", GOOD_BYTES),
    OddFile("zip", PLAIN),
    OddFile("zip that is not compressed", STORED),
    OddFile("zip of macOS", zipped({"data/a.csv": GOOD, "__MACOSX/data/._a.csv": "x", "data/": ""})),
    OddFile("zip with a text beside", zipped({"a.CSV": GOOD, "README.txt": "x"})),
    OddFile("byte order mark", GOOD.encode("utf-8-sig")),
    OddFile("CR and LF", GOOD_BYTES.replace(b"\n", b"\r\n")),
    OddFile("CR alone", GOOD_BYTES.replace(b"\n", b"\r")),
    OddFile("no newline at the end", GOOD_BYTES.rstrip(b"\n")),
    OddFile("blank lines", GOOD_BYTES.replace(b"\n", b"\n\n") + b" \n\n"),
    OddFile("numbers in quotes", ("".join(f'"{line}"\n' for line in GOOD.split())).replace(",", '","').encode()),
    OddFile("spaces around numbers", GOOD.replace("\n1", "\n 1").replace(",0\n", " , 0 \n").encode()),
    OddFile("names with commas and newlines", GOOD.replace("Time", '"a, b"').replace("V1", '"c\nd"').encode()),
    OddFile("names in other alphabets", GOOD.replace("Time", "時間").replace("V1", "señal ✓").encode()),
    OddFile("missing values", (GOOD + "1,,0\n,2,1\nNA,null,0\n").encode(), rows=123),
    OddFile("constant columns", repeated("A,B,Class", "1,2,0", "1,2,1").encode(), rows=100),
    OddFile("column without any value", repeated("A,B,Class", ",2,0", ",3,1").encode(), rows=100),
    OddFile("largest and smallest numbers", f"{GOOD}3.4e38,-3.4e38,0\n1e-300,-0.0,1\n".encode(), rows=122),
    OddFile("large whole numbers", f"{GOOD}{2**63},1,0\n".encode(), rows=121),
    OddFile("1,000 columns", wide(1000), rows=30),
)
