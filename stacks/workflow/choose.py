"""Choose: the best of all models that the run has, and the threshold from which on a score is an alarm."""

from aws_cdk import aws_stepfunctions as sfn
from constructs import Construct

from stacks.workflow.parts import TRAINED_MODELS, Parts, channel, job, training_job_arguments

_MODELS = "train"
"""AWS's image takes no job without a channel of this name (aws-facts 2.13)."""

_WITH_THE_RUNS_OWN = (
    "{% $merge([$plan.choice, {'trained_job': $trained_job}, $type($prepared.amount_feature) = 'number' ?"
    " {'amount_feature': $string($prepared.amount_feature)} : {}]) %}"
)


def choose(scope: Construct, parts: Parts) -> sfn.CustomState:
    """A job of the training code: XGBoost itself scores every candidate, whoever trained it.

    Leaves `$choose_job`, its name, and `$model_data`, where the chosen model lies.
    """
    channels = [channel(_MODELS, TRAINED_MODELS), channel("validation", "validation")]
    return job(
        scope,
        "Choose the model",
        "createTrainingJob",
        comment="The one with the best average precision on the validation rows, and its threshold",
        arguments={
            "TrainingJobName": "{% $plan.name & '-choice-' & $string($states.context.State.RetryCount) %}",
            "HyperParameters": _WITH_THE_RUNS_OWN,
            **training_job_arguments(parts, channels, "choice"),
            "Tags": "{% $plan.tags %}",
        },
        assign={
            "choose_job": "{% $states.result.TrainingJobName %}",
            "model_data": "{% $states.result.ModelArtifacts.S3ModelArtifacts %}",
        },
    )
