"""AWS's managed "SDK for pandas" Lambda layer, and the public parameter that names it (aws-facts 7.2).

The layer is empty here: a function finds pandas, NumPy and PyArrow in the Python environment of the local cloud.
"""

import io
import zipfile

from localcloud import ministack_adapter as ministack

_ACCOUNT = "336392948345"
_LIBRARY_VERSION = "3.17.0"
_LAYER_VERSIONS = {"3.10": 36, "3.11": 33, "3.12": 29, "3.13": 14, "3.14": 9}
"""Layer version by Python version, of us-east-1."""


def publish_pandas_layers() -> None:
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as archive:
        archive.writestr("python/README", "pandas, NumPy and PyArrow come from the local cloud's own environment.\n")
    for python, version in _LAYER_VERSIONS.items():
        name = f"AWSSDKPandas-Python{python.replace('.', '')}"
        arn = ministack.publish_public_layer(_ACCOUNT, name, version, content.getvalue())
        ministack.register_public_parameter(
            f"/aws/service/aws-sdk-pandas/{_LIBRARY_VERSION}/py{python}/x86_64/layer-arn", arn
        )
