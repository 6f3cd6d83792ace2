"""Tune: automatic model tuning, if wanted; then the better model is chosen."""

from aws_cdk import aws_stepfunctions as sfn
from constructs import Construct

from stacks.workflow.parts import Parts, job, sagemaker_call, training_job_arguments
from stacks.workflow.train import SCORE, describe_training_job


def tune_and_choose(scope: Construct, parts: Parts, *, then: sfn.IChainable) -> sfn.IChainable:
    """Leaves `$chosen {source, job_name, model_data, score, metric, trained_score, tuned_score}`."""
    best = sagemaker_call(
        scope,
        "Find the best tuned model",
        "describeHyperParameterTuningJob",
        {"HyperParameterTuningJobName": "{% $states.input %}"},
        iam_resources=[parts.arns(scope, "hyper-parameter-tuning-job")],
        comment="The tuning job's best training job",
        outputs="{% $states.result.BestTrainingJob.TrainingJobName %}",
    )
    look = describe_training_job(scope, parts, "Look at the best tuned model", "tuned")
    better = sfn.Pass.jsonata(
        scope,
        "Choose the better model",
        comment=f"The trained or the best tuned one, by {SCORE}; the trained one if they are equal",
        assign={
            "chosen": "{% $merge([$tuned.score > $trained.score ? $tuned : $trained, {"
            "'source': $tuned.score > $trained.score ? 'tuned' : 'trained', "
            f"'metric': '{SCORE}', 'trained_score': $trained.score, 'tuned_score': $tuned.score}}]) %}}"
        },
    )
    only = sfn.Pass.jsonata(
        scope,
        "Keep the trained model",
        comment="Tuning is switched off in the input",
        assign={
            "chosen": "{% $merge([$trained, {'source': 'trained', "
            f"'metric': '{SCORE}', 'trained_score': $trained.score}}]) %}}"
        },
    )
    wanted = sfn.Choice.jsonata(scope, "Tuning wanted?", comment="tuning.enabled in the input; true by default")
    tuned = _tuning_job(scope, parts).next(best).next(look).next(better)
    wanted.when(sfn.Condition.jsonata("{% $plan.tuning.enabled %}"), tuned).otherwise(only)
    better.next(then)
    only.next(then)
    return wanted


def _tuning_job(scope: Construct, parts: Parts) -> sfn.CustomState:
    return job(
        scope,
        "Tune the model",
        "createHyperParameterTuningJob",
        comment="Training jobs with other hyperparameters, in search of a better model",
        arguments={
            "HyperParameterTuningJobName": "{% $plan.name & '-' & $string($states.context.State.RetryCount) %}",
            "HyperParameterTuningJobConfig": {
                "Strategy": "{% $plan.tuning.strategy %}",
                "HyperParameterTuningJobObjective": "{% $plan.tuning.objective %}",
                "ResourceLimits": {
                    "MaxNumberOfTrainingJobs": "{% $plan.tuning.max_jobs %}",
                    "MaxParallelTrainingJobs": "{% $plan.tuning.max_parallel_jobs %}",
                },
                "ParameterRanges": "{% $plan.tuning.parameter_ranges %}",
                "TrainingJobEarlyStoppingType": "Off",
            },
            "TrainingJobDefinition": {
                "StaticHyperParameters": "{% $plan.tuning.static_hyperparameters %}",
                **training_job_arguments(parts),
            },
            "Tags": "{% $plan.tags %}",
        },
        outputs="{% $states.result.HyperParameterTuningJobName %}",
    )
