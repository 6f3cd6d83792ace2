"""The instance types that SageMaker has, to find a misspelt one before IAM silently allows nothing by that name."""

import difflib

_FAMILY_NAMES = """
    c4 c5 c5d c5n c6g c6gd c6gn c6i c6id c6in c7g c7i c7i-flex c8g c8i c8i-flex dl1 g4dn g5 g6 g6e g7 g7e inf1 inf2
    m4 m5 m5d m6g m6gd m6i m6id m7i m7i-flex m8g m8i m8i-flex p2 p3 p3dn p4d p4de p5 p5e p5en p6-b200 p6-b300
    p6e-gb200 r5 r5d r6g r6gd r6i r6id r7gd r7i r8g r8i r8i-flex t2 t3 trn1 trn1n trn2
"""
_SIZE_NAMES = """
    micro small medium large xlarge 2xlarge 4xlarge 6xlarge 8xlarge 9xlarge 10xlarge 12xlarge 16xlarge 18xlarge
    24xlarge 32xlarge 36xlarge 48xlarge 96xlarge
"""
_FAMILIES, _SIZES = frozenset(_FAMILY_NAMES.split()), frozenset(_SIZE_NAMES.split())
"""Of botocore 1.43.106's model of SageMaker: training, processing, transform, hosting and apps."""


def is_instance_type(name: str) -> bool:
    """Whether SageMaker has that family, and that size in some family."""
    prefix, _, rest = name.partition(".")
    family, _, size = rest.partition(".")
    return prefix == "ml" and family in _FAMILIES and size in _SIZES


def instance_type_meant(name: str) -> str:
    """The one that is spelt most like it."""
    if is_instance_type(f"ml.{name}"):
        return f"ml.{name}"
    known = sorted(f"ml.{family}.{size}" for family in _FAMILIES for size in _SIZES)
    return difflib.get_close_matches(name, known, n=1, cutoff=0)[0]
