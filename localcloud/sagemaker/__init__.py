"""SageMaker as the local cloud has it. Importing the modules below registers their operations."""

from localcloud.sagemaker import (
    endpoint_configs,
    endpoints,
    model_packages,
    models,
    processing,
    tags,
    training,
    transform,
    tuning,
)
from localcloud.sagemaker.studio import apps, custom_images, domains, lifecycle_configs, spaces, user_profiles

__all__ = [
    "apps",
    "custom_images",
    "domains",
    "endpoint_configs",
    "endpoints",
    "lifecycle_configs",
    "model_packages",
    "models",
    "processing",
    "spaces",
    "tags",
    "training",
    "transform",
    "tuning",
    "user_profiles",
]
