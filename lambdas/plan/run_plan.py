"""The plan of a run: everything that the states of the machine need, in AWS's own words."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from lambdas.plan.cost import estimate
from lambdas.plan.environment import Environment
from lambdas.plan.execution import Execution
from lambdas.plan.execution_input import ExecutionInput, Serverless
from lambdas.plan.names import run_id
from training_code.hyperparameters import to_parameter_ranges

TRAINING_SCRIPT, INFERENCE_SCRIPT = "train.py", "inference.py"


@dataclass(frozen=True)
class RunPlan:
    run_id: str
    execution_arn: str
    input: ExecutionInput
    environment: Environment

    @classmethod
    def of(cls, given: ExecutionInput, execution: Execution, environment: Environment) -> "RunPlan":
        return cls(run_id(execution), execution.id, given, environment)

    @property
    def prefix(self) -> str:
        return f"runs/{self.run_id}/"

    @property
    def is_script_mode(self) -> bool:
        return self.input.training.mode == "script"

    @property
    def code_key(self) -> str:
        return f"{self.prefix}code/sourcedir.tar.gz"

    @property
    def code_uri(self) -> str:
        return f"s3://{self.environment.bucket}/{self.code_key}"

    def as_json(self) -> dict[str, Any]:
        return {
            "run_id": self.run_id,
            "name": f"{self.environment.project}-{self.run_id}",
            "bucket": self.environment.bucket,
            "prefix": self.prefix,
            "source": self.input.data.source,
            "label_column": self.input.data.label_column,
            "mode": self.input.training.mode,
            "image_uri": self.environment.image_uri,
            "hyperparameters": self._hyperparameters(),
            "training": _without(asdict(self.input.training), ["mode"]),
            "tuning": self._tuning(),
            "environment": self._model_environment(),
            "production_variants": [self._production_variant()],
            "ttl_minutes": self.input.endpoint.ttl_minutes,
            "ttl_milliseconds": self.input.endpoint.ttl_minutes * 60_000,
            "idle_minutes": self.input.endpoint.idle_minutes,
            "tags": self._tags({}),
            "endpoint_tags": self._tags({"idle-minutes": str(self.input.endpoint.idle_minutes)}),
            "objective": dict(self.input.objective),
            "estimated_cost_usd": estimate(self.input),
        }

    def _tags(self, others: Mapping[str, str]) -> list[dict[str, str]]:
        """By which everything that the run makes is found again; the janitor looks up how the execution ended."""
        tags = {"project": self.environment.project, "run-id": self.run_id, "execution": self.execution_arn, **others}
        return [{"Key": key, "Value": value} for key, value in tags.items()]

    def _hyperparameters(self) -> dict[str, str]:
        """With those that make the container run the script instead of its own algorithm (aws-facts 3.1)."""
        script = {"sagemaker_program": TRAINING_SCRIPT, "sagemaker_submit_directory": self.code_uri}
        return {
            **self.input.hyperparameters,
            "eval_metric": self._eval_metric(),
            **(script if self.is_script_mode else {}),
        }

    def _eval_metric(self) -> str:
        """With the tuning objective, which the trained model is held against the tuned ones by.

        It comes last, where early stopping looks for it (aws-facts 2.15): that is what the tuning jobs stop on.
        """
        metrics = self.input.hyperparameters["eval_metric"].split(",")
        objective = self.input.tuning.objective.metric
        missing = [objective] if self.input.tuning.enabled and objective not in metrics else []
        return ",".join(metrics + missing)

    def _tuning(self) -> dict[str, Any]:
        tuning = self.input.tuning
        return {
            "enabled": tuning.enabled,
            "max_jobs": tuning.max_jobs,
            "max_parallel_jobs": tuning.max_parallel_jobs,
            "strategy": tuning.strategy,
            "objective": {"Type": tuning.objective.type, "MetricName": tuning.objective.name},
            "parameter_ranges": to_parameter_ranges(tuning.ranges),
            "static_hyperparameters": _without(self._hyperparameters(), [tuned.name for tuned in tuning.ranges]),
        }

    def _model_environment(self) -> dict[str, str]:
        """Hosting reads from the environment what training reads from hyperparameters (aws-facts 3.1)."""
        if not self.is_script_mode:
            return {}
        return {"SAGEMAKER_PROGRAM": INFERENCE_SCRIPT, "SAGEMAKER_SUBMIT_DIRECTORY": self.code_uri}

    def _production_variant(self) -> dict[str, Any]:
        """AWS's ProductionVariant, but for the model's name, which is not known yet."""
        hosting = self.input.endpoint.hosting
        if isinstance(hosting, Serverless):
            config = {"MemorySizeInMB": hosting.memory_size_in_mb, "MaxConcurrency": hosting.max_concurrency}
            return {"VariantName": "AllTraffic", "ServerlessConfig": config}
        return {
            "VariantName": "AllTraffic",
            "InstanceType": hosting.instance_type,
            "InitialInstanceCount": hosting.initial_instance_count,
            "InitialVariantWeight": 1,
        }


def _without(given: Mapping[str, Any], names: list[str]) -> dict[str, Any]:
    return {name: value for name, value in given.items() if name not in names}
