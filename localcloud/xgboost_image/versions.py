"""What sets apart the versions of AWS's XGBoost image that may be met.

One runs here, and is the stack's. A model of another one may still come along: left by an earlier deployment,
registered, or trained by hand.
"""

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class ImageVersion:
    """`tag` is the image's; `packages` are what training code meets, by their names on PyPI.

    A model file begins with `model_start`. `scores_models_of` has the tags of the versions whose models it scores as
    they do themselves; any other's it refuses, or takes without a word and scores differently (aws-facts 2.21).
    """

    tag: str
    python: tuple[int, int]
    packages: Mapping[str, str]
    model_start: bytes
    scores_models_of: frozenset[str]


_BINARY, _UBJSON = b"binf", b"{L"

_1_7_1 = ImageVersion(
    tag="1.7-1",
    python=(3, 8),
    packages={"xgboost": "1.7.4"},
    model_start=_BINARY,
    scores_models_of=frozenset({"1.7-1", "3.0-5"}),
)
_3_0_5 = ImageVersion(
    tag="3.0-5",
    python=(3, 10),
    packages={"xgboost": "3.0.5", "numpy": "2.1.0", "pandas": "2.2.3"},
    model_start=_UBJSON,
    scores_models_of=frozenset({"1.7-1", "3.0-5"}),
)
RUNS_HERE = ImageVersion(
    tag="3.2-0",
    python=(3, 12),
    packages={"xgboost": "3.2.0", "numpy": "2.1.0", "pandas": "2.2.3", "scikit-learn": "1.8.0"},
    model_start=_UBJSON,
    scores_models_of=frozenset({"3.0-5", "3.2-0"}),
)

VERSIONS: Mapping[str, ImageVersion] = {version.tag: version for version in (_1_7_1, _3_0_5, RUNS_HERE)}
"""By tag (aws-facts 2.6, 2.18)."""
