"""The plan of a run: everything that the states of the machine need, in AWS's own words."""

import hashlib
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from lambdas.plan.cost import estimate
from lambdas.plan.earlier_runs import RegisteredModel, TuningJob
from lambdas.plan.environment import Environment
from lambdas.plan.execution_input import AMOUNT, DEFAULT_AMOUNT_COLUMN, ExecutionInput, Serverless
from training_code.hyperparameters import to_parameter_ranges

TRAINING_SCRIPT, CHOICE_SCRIPT, INFERENCE_SCRIPT = "train.py", "choose.py", "inference.py"


@dataclass(frozen=True)
class Earlier:
    """What the run takes from earlier ones: tuning jobs to start from, and a model to compete with."""

    tuning_jobs: tuple[TuningJob, ...] = ()
    registered_model: RegisteredModel | None = None


@dataclass(frozen=True)
class RunPlan:
    run_id: str
    execution_arn: str
    input: ExecutionInput
    environment: Environment
    earlier: Earlier
    code: bytes
    """The archive that the containers unpack."""

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
    def training_code_key(self) -> str:
        """Where training finds its code: what resampling needs is installed there, and nowhere else."""
        return f"{self.prefix}code/sampling/sourcedir.tar.gz" if self.input.imbalance.samples else self.code_key

    @property
    def code_uri(self) -> str:
        return self._uri(self.code_key)

    def _uri(self, key: str) -> str:
        return f"s3://{self.environment.bucket}/{key}"

    @property
    def code_sha256(self) -> str:
        return hashlib.sha256(self.code).hexdigest()

    @property
    def registered_model_key(self) -> str:
        return f"{self.prefix}output/registered-model/output/model.tar.gz"

    def as_json(self) -> dict[str, Any]:
        registered = self.earlier.registered_model
        return {
            "run_id": self.run_id,
            "name": f"{self.environment.project}-{self.run_id}",
            "bucket": self.environment.bucket,
            "prefix": self.prefix,
            "data": {**asdict(self.input.data), "amount_column": self._amount_column()},
            "code_uri": self.code_uri,
            "code_sha256": self.code_sha256,
            "image_uri": self.environment.image_uri,
            "hyperparameters": self.hyperparameters,
            "training": _without(asdict(self.input.training), ["mode"]),
            "tuning": self._tuning(),
            "choice": self._choice(),
            "registered_model": registered.arn if registered else None,
            "registered": {"training_rows": registered.training_rows} if registered else None,
            "registered_training_rows": registered.training_rows if registered else None,
            "amount_required": self.input.costs.missed_fraud == AMOUNT,
            "environment": self._model_environment(),
            "production_variants": [self._production_variant()],
            "hosting": self._hosting(),
            "ttl_minutes": self.input.endpoint.ttl_minutes,
            "ttl_milliseconds": self.input.endpoint.ttl_minutes * 60_000,
            "idle_minutes": self.input.endpoint.idle_minutes,
            "tags": self._tags({}),
            "endpoint_tags": self._tags({"idle-minutes": str(self.input.endpoint.idle_minutes)}),
            "costs": self.input.costs.as_json(),
            "objective": {metric: asdict(minimum) for metric, minimum in self.input.objective.items()},
            "estimated_cost_usd": estimate(self.input),
        }

    def _tags(self, others: Mapping[str, str]) -> list[dict[str, str]]:
        """By which everything that the run makes is found again; the janitor looks up how the execution ended."""
        tags = {"project": self.environment.project, "run-id": self.run_id, "execution": self.execution_arn, **others}
        return [{"Key": key, "Value": value} for key, value in tags.items()]

    @property
    def hyperparameters(self) -> dict[str, str]:
        """With those that make the container run the script instead of its own algorithm (aws-facts 3.1)."""
        script = self._script(TRAINING_SCRIPT, self._uri(self.training_code_key)) if self.is_script_mode else {}
        return {**self.input.hyperparameters, **self._imbalance(), "eval_metric": self._eval_metric(), **script}

    @property
    def all_hyperparameters(self) -> set[str]:
        """The names of those that a tuning job has, tuned or static."""
        return {*self.hyperparameters, *(tuned.name for tuned in self.input.tuning.ranges)}

    def _script(self, name: str, code: str) -> dict[str, str]:
        return {"sagemaker_program": name, "sagemaker_submit_directory": code}

    def _imbalance(self) -> dict[str, str]:
        """A weight that is given is a hyperparameter of the image; the rest is the training script's to do."""
        imbalance = self.input.imbalance
        if imbalance.method == "none":
            return {}
        if imbalance.scale_pos_weight is not None:
            return {"scale_pos_weight": str(imbalance.scale_pos_weight)}
        ratio = {"sampling_ratio": str(imbalance.sampling_ratio)} if imbalance.samples else {}
        return {"imbalance": imbalance.method, **ratio}

    def _amount_column(self) -> str | None:
        """Named only if it has to be there: else the preparation takes the lesson's, if the table has it."""
        needed = DEFAULT_AMOUNT_COLUMN if self.input.costs.missed_fraud == AMOUNT else None
        return self.input.data.amount_column or needed

    def _choice(self) -> dict[str, str]:
        """The hyperparameters of the job that chooses, but for those that only the run itself can tell."""
        threshold, costs = self.input.threshold, self.input.costs
        given = {
            "threshold_objective": threshold.objective,
            "threshold_minimum": threshold.minimum,
            "missed_fraud": costs.missed_fraud,
            "false_alarm": costs.false_alarm,
        }
        return {
            **self._script(CHOICE_SCRIPT, self.code_uri),
            **{name: str(value) for name, value in given.items() if value is not None},
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
            "early_stopping": tuning.early_stopping,
            "random_seed": self.input.data.seed,
            "warm_start": self._warm_start(),
            "objective": {"Type": tuning.objective.type, "MetricName": tuning.objective.name},
            "parameter_ranges": to_parameter_ranges(tuning.ranges),
            "static_hyperparameters": _without(self.hyperparameters, [tuned.name for tuned in tuning.ranges]),
        }

    def _warm_start(self) -> dict[str, Any]:
        """TransferLearning, since every run has its data, and so its channels, at an address of its own."""
        if not self.earlier.tuning_jobs:
            return {}
        parents = [{"HyperParameterTuningJobName": parent.name} for parent in self.earlier.tuning_jobs]
        return {"WarmStartConfig": {"ParentHyperParameterTuningJobs": parents, "WarmStartType": "TransferLearning"}}

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

    def _hosting(self) -> str:
        """For people to read."""
        hosting, minutes = self.input.endpoint.hosting, self.input.endpoint.ttl_minutes
        if isinstance(hosting, Serverless):
            return (
                f"serverless, {hosting.memory_size_in_mb:,} MB of memory, at most {hosting.max_concurrency} requests "
                "at a time; it bills only while it answers"
            )
        instances = f"{hosting.initial_instance_count} × {hosting.instance_type}"
        return f"{instances}, which bills by the hour until it goes: {minutes:,} minutes after its making, or when idle"


def _without(given: Mapping[str, Any], names: list[str]) -> dict[str, Any]:
    return {name: value for name, value in given.items() if name not in names}
