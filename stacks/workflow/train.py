"""Train: one model with the given hyperparameters."""

from typing import Any

from aws_cdk import aws_stepfunctions as sfn
from constructs import Construct

from stacks.workflow.parts import TRAINED_MODELS, Parts, channel, job, training_job_arguments


def train(scope: Construct, parts: Parts) -> sfn.CustomState:
    """Leaves `$trained_job`, its name, and an empty `$tuning_job`."""
    return job(
        scope,
        "Train the model",
        "createTrainingJob",
        comment="One training job with the given hyperparameters",
        arguments={
            "TrainingJobName": "{% $plan.name & '-' & $string($states.context.State.RetryCount) %}",
            "HyperParameters": "{% $plan.hyperparameters %}",
            **on_the_prepared_data(parts),
            "Tags": "{% $plan.tags %}",
        },
        assign={"trained_job": "{% $states.result.TrainingJobName %}", "tuning_job": ""},
    )


def on_the_prepared_data(parts: Parts) -> dict[str, Any]:
    """What the training job and those of the tuning job have in common."""
    channels = [{**channel(name, name), "ContentType": "text/csv"} for name in ("train", "validation")]
    return training_job_arguments(parts, channels, TRAINED_MODELS)
