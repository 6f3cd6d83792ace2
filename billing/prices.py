"""What an hour of what the plan of a run does not estimate costs, in US dollars in us-east-1."""

PROCESSING_USD_PER_HOUR = {"ml.m5.large": 0.115, "ml.m5.xlarge": 0.23, "ml.t3.medium": 0.05}
STUDIO_USD_PER_HOUR = {
    "ml.g4dn.xlarge": 0.7364,
    "ml.g5.xlarge": 1.41,
    "ml.g6.xlarge": 1.127,
    "ml.m5.4xlarge": 0.922,
    "ml.m5.xlarge": 0.23,
    "ml.t3.medium": 0.05,
}
"""AWS's price list, usage types USE1-Processing and USE1-Studio:JupyterLab, as others quote it in 2026."""

SPACE_VOLUME_USD_PER_GB_MONTH = 0.112
"""USE1-Studio:VolumeUsage.gp3, as others quote it in 2026; approximate."""

HOURS_PER_MONTH = 730
