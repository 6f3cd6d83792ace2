"""What is made in SageMaker while the stack is there: kinds, as an ARN spells them, and nouns, as actions do."""

HOSTING = {"endpoint": "Endpoint", "endpoint-config": "EndpointConfig", "model": "Model"}
"""What a run leaves in the account until it is deleted."""

RUN_JOBS = {"training-job": "TrainingJob", "hyper-parameter-tuning-job": "HyperParameterTuningJob"}
"""What a run starts."""

USER_JOBS = {"transform-job": "TransformJob", "processing-job": "ProcessingJob"}
"""What people may start beside that."""

PACKAGES = {"model-package-group": "ModelPackageGroup", "model-package": "ModelPackage"}
MODELS = "{project}-models"
"""The name of the stack's own group of model packages."""

STUDIO = {"app": "App", "space": "Space", "user-profile": "UserProfile"}
