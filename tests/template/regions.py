"""Where AWS has its XGBoost image, and where this project serves it."""

import json
from collections.abc import Mapping
from importlib import metadata

from stacks.xgboost_image import ACCOUNTS, VERSION

_OTHER_PARTITIONS = ("cn-", "us-gov-", "us-iso", "eu-isoe", "eusc-")


def awss_registries() -> Mapping[str, str]:
    """The account of the image by region, as AWS's own SDK has it, in the commercial partition."""
    (table,) = (file for file in metadata.files("sagemaker-core") or [] if file.name == "xgboost.json")
    registries = json.loads(table.read_text())["training"]["versions"][VERSION]["registries"]
    return {region: account for region, account in registries.items() if not region.startswith(_OTHER_PARTITIONS)}


SERVED = sorted(ACCOUNTS)
LEFT_OUT = sorted(awss_registries().keys() - ACCOUNTS.keys())
