"""AWS's XGBoost image, by region."""

from collections.abc import Mapping

import aws_cdk as cdk
from constructs import Construct

REPOSITORY = "sagemaker-xgboost"
VERSION = "3.2-0"

ACCOUNTS: Mapping[str, str] = {
    "af-south-1": "510948584623",
    "ap-east-1": "651117190479",
    "ap-northeast-1": "354813040037",
    "ap-northeast-2": "366743142698",
    "ap-northeast-3": "867004704886",
    "ap-south-1": "720646828776",
    "ap-southeast-1": "121021644041",
    "ap-southeast-2": "783357654285",
    "ap-southeast-3": "951798379941",
    "ca-central-1": "341280168497",
    "eu-central-1": "492215442770",
    "eu-central-2": "680994064768",
    "eu-north-1": "662702820516",
    "eu-south-1": "978288397137",
    "eu-south-2": "104374241257",
    "eu-west-1": "141502667606",
    "eu-west-2": "764974769150",
    "eu-west-3": "659782779980",
    "il-central-1": "898809789911",
    "me-central-1": "272398656194",
    "me-south-1": "801668240914",
    "sa-east-1": "737474898029",
    "us-east-1": "683313688378",
    "us-east-2": "257758044811",
    "us-west-1": "746614075791",
    "us-west-2": "246618743249",
}
"""The account that publishes the image, by region: the table of sagemaker 3.27.0, image_uri_config/xgboost.json,
commercial regions, but for those in which CloudFormation lacks one of the stack's types: ap-south-2, ap-southeast-4 and
ca-west-1 (the resource schemas of 2026-10-20, in cfn-lint 1.58.0)."""


class XgboostImage(Construct):
    """The image of the region that the stack is deployed to."""

    def __init__(self, scope: Construct, construct_id: str) -> None:
        super().__init__(scope, construct_id)
        table = cdk.CfnMapping(
            self, "Accounts", mapping={region: {"account": account} for region, account in ACCOUNTS.items()}
        )
        self.account = table.find_in_map(cdk.Aws.REGION, "account")
        self.uri = f"{self.account}.dkr.ecr.{cdk.Aws.REGION}.{cdk.Aws.URL_SUFFIX}/{REPOSITORY}:{VERSION}"
