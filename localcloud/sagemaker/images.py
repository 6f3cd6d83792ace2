"""Which container images the local cloud can run: AWS's XGBoost image, in the one version that this machine has."""

import re
import sys

from localcloud.sagemaker.errors import ValidationError

VERSION = "3.2-0"
REPOSITORY = "sagemaker-xgboost"

REGISTRIES = {
    "us-east-1": "683313688378",
    "us-east-2": "257758044811",
    "us-west-1": "746614075791",
    "us-west-2": "246618743249",
    "ca-central-1": "341280168497",
    "ca-west-1": "190319476487",
    "sa-east-1": "737474898029",
    "eu-west-1": "141502667606",
    "eu-west-2": "764974769150",
    "eu-west-3": "659782779980",
    "eu-central-1": "492215442770",
    "eu-central-2": "680994064768",
    "eu-north-1": "662702820516",
    "eu-south-1": "978288397137",
    "eu-south-2": "104374241257",
    "ap-south-1": "720646828776",
    "ap-south-2": "628508329040",
    "ap-southeast-1": "121021644041",
    "ap-southeast-2": "783357654285",
    "ap-southeast-3": "951798379941",
    "ap-southeast-4": "106583098589",
    "ap-northeast-1": "354813040037",
    "ap-northeast-2": "366743142698",
    "ap-northeast-3": "867004704886",
    "ap-east-1": "651117190479",
    "me-south-1": "801668240914",
    "me-central-1": "272398656194",
    "il-central-1": "898809789911",
    "af-south-1": "510948584623",
    "cn-north-1": "450853457545",
    "cn-northwest-1": "451049120500",
    "us-gov-west-1": "414596584902",
    "us-gov-east-1": "237065988967",
}
"""The account of AWS's image registry in each region (aws-facts 2.3)."""

_URI = re.compile(
    r"(?P<account>\d{12})\.dkr\.ecr\.(?P<region>[a-z0-9-]+)\.amazonaws\.com(?:\.cn)?/(?P<repository>[^:@]+):(?P<tag>.+)"
)


def require_xgboost(uri: str | None) -> None:
    """Return if `uri` is the XGBoost image that runs here; raise ValidationError, with what would be right, if not."""
    found = _URI.fullmatch(uri or "")
    if not found or found["repository"] != REPOSITORY or found["account"] != REGISTRIES.get(found["region"]):
        raise ValidationError(
            f"The local cloud has no image '{uri}'. It runs "
            f"<account>.dkr.ecr.<region>.amazonaws.com/{REPOSITORY}:{VERSION} of AWS's own registries only, "
            f"such as {REGISTRIES['us-east-1']}.dkr.ecr.us-east-1.amazonaws.com/{REPOSITORY}:{VERSION}."
        )
    if found["tag"] != VERSION:
        raise ValidationError(
            f"The local cloud has no {REPOSITORY}:{found['tag']} (given: '{uri}'); it has {REPOSITORY}:{VERSION}."
        )


def require_own_region(uri: str, region: str) -> None:
    """Raise ValidationError, in CreateModel's words, unless the image lies in the region that is to use it."""
    if f".dkr.ecr.{region}.amazonaws.com" not in uri:
        raise ValidationError(
            f'Region of "{uri}" does not match expected region of {region}. Cross region ECR image pulls are not '
            "allowed."
        )


def command(task: str) -> list[str]:
    """How the image is started here; `task` is `train` or `serve`, as on AWS."""
    return [sys.executable, "-m", "localcloud.xgboost_image", task]
