"""SageMaker as the local cloud has it. Importing the modules below registers their operations."""

from localcloud.sagemaker import endpoint_configs, endpoints, models, tags, training, tuning
from localcloud.sagemaker.studio import apps, domains, spaces, user_profiles

__all__ = [
    "apps",
    "domains",
    "endpoint_configs",
    "endpoints",
    "models",
    "spaces",
    "tags",
    "training",
    "tuning",
    "user_profiles",
]
