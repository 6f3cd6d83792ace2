"""Train: one model with the given hyperparameters."""

from aws_cdk import aws_stepfunctions as sfn
from constructs import Construct

from stacks.workflow.parts import Parts, job, sagemaker_call, training_job_arguments

SCORE = "validation:aucpr"
"""By which models are compared: XGBoost's name for the average precision, on the validation rows."""


def train(scope: Construct, parts: Parts) -> sfn.Chain:
    """Leaves `$trained {job_name, model_data, score}`."""
    arguments = training_job_arguments(parts)
    started = job(
        scope,
        "Train the model",
        "createTrainingJob",
        comment="One training job with the given hyperparameters",
        arguments={
            "TrainingJobName": "{% $plan.name & '-' & $string($states.context.State.RetryCount) %}",
            "HyperParameters": "{% $plan.hyperparameters %}",
            **arguments,
            "Tags": "{% $plan.tags %}",
        },
        outputs="{% $states.result.TrainingJobName %}",
    )
    return started.next(describe_training_job(scope, parts, "Look at the trained model", "trained"))


def describe_training_job(scope: Construct, parts: Parts, name: str, variable: str) -> sfn.TaskStateBase:
    """Reads the job named in the input; leaves `${variable} {job_name, model_data, score}`."""
    return sagemaker_call(
        scope,
        name,
        "describeTrainingJob",
        {"TrainingJobName": "{% $states.input %}"},
        iam_resources=[parts.arns(scope, "training-job")],
        comment="Where its artefact lies, and its score on the validation rows",
        assign={
            variable: {
                "job_name": "{% $states.result.TrainingJobName %}",
                "model_data": "{% $states.result.ModelArtifacts.S3ModelArtifacts %}",
                "score": f"{{% $states.result.FinalMetricDataList[MetricName='{SCORE}'].Value %}}",
            }
        },
        outputs="{% $states.result.TrainingJobName %}",
    )
