"""The user's code of script mode, from a sourcedir.tar.gz to the container's code directory (aws-facts 3.2)."""

import tarfile
import tempfile
from pathlib import Path
from urllib.parse import urlsplit

from localcloud.xgboost_image import requirements
from localcloud.xgboost_image.errors import CodeProblem, NotEmulated

_INSTALLED_ON_AWS = ("setup.py", "pyproject.toml")


def fetch(location: str, code: Path) -> None:
    """Unpack the archive at `location`, an S3 URI or a file, into `code`.

    Raises CodeProblem if it is not there, no archive, or has members that would land outside of `code`; NotEmulated if
    the image would install from it what this machine does not have.
    """
    with tempfile.TemporaryDirectory() as folder:
        archive = Path(location)
        if location.startswith("s3://"):
            archive = Path(folder) / "sourcedir.tar.gz"
            _download(location, archive)
        _unpack(archive, code)
    for name in _INSTALLED_ON_AWS:
        if (code / name).exists():
            raise NotEmulated(f"the code has a {name}, which AWS's image installs with pip; this machine does not")
    if (code / "requirements.txt").exists():
        requirements.check(code / "requirements.txt")


def _download(location: str, archive: Path) -> None:
    import boto3  # noqa: PLC0415  slow to import, and only script mode needs it
    from botocore.exceptions import BotoCoreError, ClientError  # noqa: PLC0415

    address = urlsplit(location)
    try:
        boto3.client("s3").download_file(address.netloc, address.path.lstrip("/"), str(archive))
    except (BotoCoreError, ClientError) as error:
        raise CodeProblem(f"cannot download {location}: {error}") from error


def _unpack(archive: Path, code: Path) -> None:
    code.mkdir(parents=True, exist_ok=True)
    try:
        with tarfile.open(archive, "r:gz") as tar:
            tar.extractall(code, filter="data")
    except (OSError, tarfile.TarError) as error:
        raise CodeProblem(f"cannot unpack {archive.name}: {error}") from error
