"""Tune: automatic model tuning, if it is wanted."""

from aws_cdk import aws_stepfunctions as sfn
from constructs import Construct

from stacks.workflow.parts import Parts, job, merged
from stacks.workflow.train import on_the_prepared_data


def tune(scope: Construct, parts: Parts, *, then: sfn.IChainable) -> sfn.IChainable:
    """Leaves `$tuning_job`, its name; goes on with `then`, tuned or not."""
    wanted = sfn.Choice.jsonata(scope, "Tuning wanted?", comment="tuning.enabled in the input; true by default")
    tuned = _tuning_job(scope, parts).next(then)
    wanted.when(sfn.Condition.jsonata("{% $plan.tuning.enabled %}"), tuned).otherwise(then)
    return wanted


def _tuning_job(scope: Construct, parts: Parts) -> sfn.CustomState:
    definition = {
        "StaticHyperParameters": "{% $plan.tuning.static_hyperparameters %}",
        **on_the_prepared_data(parts),
    }
    return job(
        scope,
        "Tune the model",
        "createHyperParameterTuningJob",
        comment="Training jobs with other hyperparameters, in search of a better model",
        arguments=merged(
            {
                "HyperParameterTuningJobName": "{% $plan.name & '-' & $string($states.context.State.RetryCount) %}",
                "HyperParameterTuningJobConfig": {
                    "Strategy": "{% $plan.tuning.strategy %}",
                    "RandomSeed": "{% $plan.tuning.random_seed %}",
                    "HyperParameterTuningJobObjective": "{% $plan.tuning.objective %}",
                    "ResourceLimits": {
                        "MaxNumberOfTrainingJobs": "{% $plan.tuning.max_jobs %}",
                        "MaxParallelTrainingJobs": "{% $plan.tuning.max_parallel_jobs %}",
                    },
                    "ParameterRanges": "{% $plan.tuning.parameter_ranges %}",
                    "TrainingJobEarlyStoppingType": "{% $plan.tuning.early_stopping %}",
                },
                "TrainingJobDefinition": definition,
                "Tags": "{% $plan.tags %}",
            },
            "$plan.tuning.warm_start",
        ),
        assign={"tuning_job": "{% $states.result.HyperParameterTuningJobName %}"},
    )
