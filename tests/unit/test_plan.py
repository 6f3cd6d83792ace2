"""The plan function: the execution input checked and completed, the run named, its code left in the bucket."""

import hashlib
import io
import json
import os
import tarfile
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import boto3
import botocore.session
import pytest
from botocore import UNSIGNED
from botocore.config import Config
from botocore.stub import Stubber
from botocore.validate import ParamValidator
from hypothesis import given, settings
from hypothesis import strategies as st

from lambdas.plan.code_archive import pack
from lambdas.plan.earlier_runs import RegisteredModel, SageMakerRuns, TuningJob
from lambdas.plan.environment import Environment
from lambdas.plan.errors import InvalidInput, MisconfiguredFunction, UnreadableObject
from lambdas.plan.execution import Execution
from lambdas.plan.handler import TRAINING_CODE, handler
from lambdas.plan.planning import Planning
from lambdas.plan.storage import S3Store

pytestmark = pytest.mark.slow

VARIABLES = {
    "PROJECT": "fraud",
    "BUCKET": "team-bucket",
    "IMAGE_URI": "683313688378.dkr.ecr.us-east-1.amazonaws.com/sagemaker-xgboost:3.2-0",
    "MODEL_PACKAGE_GROUP": "fraud-models",
    "DEFAULT_TTL_MINUTES": "240",
    "MAX_TTL_MINUTES": "1440",
    "DEFAULT_IDLE_MINUTES": "60",
}
EXECUTION = {
    "id": "arn:aws:states:us-east-1:123456789012:execution:fraud:monday",
    "name": "monday",
    "start_time": "2026-11-23T16:41:05.123Z",
}


class Bucket:
    """Objects in memory."""

    def __init__(self) -> None:
        self.objects: dict[str, bytes] = {}

    def write(self, bucket: str, key: str, content: bytes) -> None:
        self.objects[f"{bucket}/{key}"] = content

    def copy(self, source: str, bucket: str, key: str) -> None:
        path = source.removeprefix("s3://")
        if path not in self.objects:
            raise UnreadableObject("NoSuchKey")
        self.objects[f"{bucket}/{key}"] = self.objects[path]


@dataclass(frozen=True)
class EarlierRuns:
    """Tuning jobs by the name of their run, and the last model that was registered and approved."""

    tuning_jobs: Mapping[str, TuningJob] = field(default_factory=dict)
    registered: RegisteredModel | None = None

    def tuning_job(self, run: str) -> TuningJob | None:
        return self.tuning_jobs.get(run)

    def registered_model(self, group: str) -> RegisteredModel | None:
        assert group == "fraud-models"
        return self.registered


def plan(
    execution_input: object, bucket: Bucket | None = None, runs: EarlierRuns | None = None, **execution: str
) -> dict[str, Any]:
    planning = Planning(Environment.read(VARIABLES), bucket or Bucket(), runs or EarlierRuns(), TRAINING_CODE)
    return planning.plan(execution_input, Execution.read(EXECUTION | execution)).as_json()


def refusal(execution_input: object, bucket: Bucket | None = None, runs: EarlierRuns | None = None) -> InvalidInput:
    with pytest.raises(InvalidInput) as refused:
        plan(execution_input, bucket, runs)
    return refused.value


def assert_aws_accepts(value: object, shape_name: str) -> None:
    shape = botocore.session.get_session().get_service_model("sagemaker").shape_for(shape_name)
    report = ParamValidator().validate(value, shape)
    assert not report.has_errors(), report.generate_report()


# --- What an empty input comes to ---


def test_an_empty_input_plans_the_lesson() -> None:
    planned = plan({})

    assert planned["data"] == {
        "source": "https://s3-us-west-2.amazonaws.com/sagemaker-e2e-solutions/fraud-detection/creditcardfraud.zip",
        "label_column": "Class",
        "split": "lesson",
        "time_column": None,
        "seed": 1729,
        "drop_duplicates": False,
        "amount_column": None,
    }
    assert planned["training"] == {
        "instance_type": "ml.m5.xlarge",
        "instance_count": 1,
        "volume_size_in_gb": 10,
        "max_runtime_in_seconds": 3600,
    }
    lesson = {
        "max_depth": "5",
        "eta": "0.2",
        "gamma": "4",
        "min_child_weight": "6",
        "subsample": "0.8",
        "objective": "binary:logistic",
        "num_round": "100",
    }
    assert lesson.items() <= planned["hyperparameters"].items()


def test_an_empty_input_tunes_as_the_lesson_does() -> None:
    tuning = plan({})["tuning"]

    assert (tuning["enabled"], tuning["max_jobs"], tuning["max_parallel_jobs"]) == (True, 9, 3)
    assert tuning["objective"] == {"Type": "Maximize", "MetricName": "validation:auc"}
    ranges = tuning["parameter_ranges"]
    assert {
        each["Name"]: (each["MinValue"], each["MaxValue"])
        for each in ranges["ContinuousParameterRanges"] + ranges["IntegerParameterRanges"]
    } == {"eta": ("0", "1"), "min_child_weight": ("0", "10"), "alpha": ("0", "2"), "max_depth": ("1", "10")}


def test_an_empty_input_asks_for_a_serverless_endpoint_with_the_lifetime_of_the_stack_and_no_gate() -> None:
    planned = plan({})

    assert planned["production_variants"] == [
        {"VariantName": "AllTraffic", "ServerlessConfig": {"MemorySizeInMB": 2048, "MaxConcurrency": 5}}
    ]
    assert (planned["ttl_minutes"], planned["ttl_milliseconds"], planned["idle_minutes"]) == (240, 14_400_000, 60)
    assert planned["objective"] == {}


def test_the_plan_is_plain_json() -> None:
    planned = plan({"objective": {"recall": 0.8}})

    assert json.loads(json.dumps(planned)) == planned


# --- Names ---


def test_a_repeated_call_for_an_execution_plans_the_same_run() -> None:
    assert plan({}) == plan({})


def test_another_execution_started_in_the_same_second_is_another_run() -> None:
    assert plan({})["run_id"] != plan({}, id=EXECUTION["id"] + "-2")["run_id"]


def test_names_tell_the_time_of_the_start_in_utc() -> None:
    planned = plan({}, start_time="2026-11-23T23:41:05+07:00")

    assert planned["run_id"].startswith("261123-164105-")
    assert planned["name"] == f"fraud-{planned['run_id']}"
    assert planned["prefix"] == f"runs/{planned['run_id']}/"


def test_a_retried_tuning_job_of_the_longest_project_name_has_a_name_that_aws_takes() -> None:
    name = f"eightlet-{plan({})['run_id']}-9"

    assert_aws_accepts(name, "HyperParameterTuningJobName")


def tags(listed: list[dict[str, str]]) -> dict[str, str]:
    return {tag["Key"]: tag["Value"] for tag in listed}


def test_everything_made_bears_the_project_the_run_and_its_execution() -> None:
    planned = plan({})

    assert tags(planned["tags"]) == {"project": "fraud", "run-id": planned["run_id"], "execution": EXECUTION["id"]}
    assert_aws_accepts(planned["tags"], "TagList")


def test_an_endpoint_bears_its_idle_time_too() -> None:
    planned = plan({"endpoint": {"idle_minutes": 45}})

    assert tags(planned["endpoint_tags"]) == tags(planned["tags"]) | {"idle-minutes": "45"}
    assert_aws_accepts(planned["endpoint_tags"], "TagList")


def test_the_arn_of_the_longest_names_fits_into_a_tag() -> None:
    arn = f"arn:aws:states:ap-southeast-4:123456789012:execution:eightlet-pipeline:{'n' * 80}"

    planned = plan({}, id=arn)

    assert tags(planned["tags"])["execution"] == arn
    assert_aws_accepts(planned["tags"], "TagList")


# --- Training modes ---


def test_script_mode_leaves_the_training_code_where_training_and_hosting_are_told_to_look() -> None:
    bucket = Bucket()

    planned = plan({}, bucket)

    address = f"s3://team-bucket/runs/{planned['run_id']}/code/sourcedir.tar.gz"
    assert list(bucket.objects) == [address.removeprefix("s3://")]
    assert planned["code_uri"] == address
    assert planned["hyperparameters"]["sagemaker_program"] == "train.py"
    assert planned["hyperparameters"]["sagemaker_submit_directory"] == address
    assert planned["environment"] == {"SAGEMAKER_PROGRAM": "inference.py", "SAGEMAKER_SUBMIT_DIRECTORY": address}


def test_the_training_code_is_the_repositorys_with_its_modules_at_the_root() -> None:
    bucket = Bucket()

    plan({}, bucket)

    (content,) = bucket.objects.values()
    with tarfile.open(fileobj=io.BytesIO(content)) as archive:
        assert archive.getnames() == sorted(path.name for path in TRAINING_CODE.glob("*.py"))
        member = archive.extractfile("hyperparameters.py")
        assert member is not None
        assert member.read() == (TRAINING_CODE / "hyperparameters.py").read_bytes()


def test_the_same_code_is_packed_to_the_same_bytes_whenever_and_by_whomever_it_was_written(tmp_path: Path) -> None:
    script = tmp_path / "train.py"
    script.write_text("print()")
    first = pack(tmp_path, sampling=False)

    os.utime(script, (1, 1))
    script.chmod(0o600)

    assert pack(tmp_path, sampling=False) == first


def test_the_fingerprint_of_the_code_is_that_of_what_lies_in_the_bucket() -> None:
    bucket = Bucket()

    planned = plan({}, bucket)

    (content,) = bucket.objects.values()
    assert planned["code_sha256"] == hashlib.sha256(content).hexdigest()


def test_builtin_mode_trains_and_serves_without_the_script() -> None:
    planned = plan({"training": {"mode": "builtin"}})

    assert planned["environment"] == {}
    assert not [name for name in planned["hyperparameters"] if name.startswith("sagemaker_")]


@pytest.mark.parametrize("mode", ["script", "builtin"])
def test_the_choice_is_made_by_a_script_in_either_mode(mode: str) -> None:
    bucket = Bucket()

    planned = plan({"training": {"mode": mode}}, bucket)

    assert planned["choice"] == {
        "sagemaker_program": "choose.py",
        "sagemaker_submit_directory": planned["code_uri"],
        "threshold_objective": "best_f1",
    }
    (content,) = bucket.objects.values()
    assert "choose.py" in names_in(content)


def names_in(archive: bytes) -> list[str]:
    with tarfile.open(fileobj=io.BytesIO(archive)) as opened:
        return opened.getnames()


# --- Imbalance ---


def test_by_default_nothing_is_done_about_the_imbalance_and_no_package_index_is_asked_for_anything() -> None:
    bucket = Bucket()

    planned = plan({}, bucket)

    (content,) = bucket.objects.values()
    assert "requirements.txt" not in names_in(content)
    assert planned["hyperparameters"].keys().isdisjoint({"imbalance", "sampling_ratio", "scale_pos_weight"})


@pytest.mark.parametrize("method", ["over_sampling", "under_sampling", "smote"])
def test_resampling_is_the_training_scripts_to_do_while_tuning_too_with_what_it_needs_for_it(method: str) -> None:
    bucket = Bucket()

    planned = plan({"imbalance": {"method": method, "sampling_ratio": 0.1}}, bucket)

    wanted = {"imbalance": method, "sampling_ratio": "0.1"}
    for hyperparameters in (planned["hyperparameters"], planned["tuning"]["static_hyperparameters"]):
        assert wanted.items() <= hyperparameters.items()
        code = hyperparameters["sagemaker_submit_directory"].removeprefix("s3://")
        assert "requirements.txt" in names_in(bucket.objects[code])


@pytest.mark.parametrize("which", ["the endpoint", "the choice"])
def test_only_training_asks_a_package_index_for_what_resampling_needs(which: str) -> None:
    bucket = Bucket()

    planned = plan({"imbalance": {"method": "smote"}}, bucket)

    code = {
        "the endpoint": planned["environment"]["SAGEMAKER_SUBMIT_DIRECTORY"],
        "the choice": planned["choice"]["sagemaker_submit_directory"],
    }
    assert "requirements.txt" not in names_in(bucket.objects[code[which].removeprefix("s3://")])


def test_a_weight_from_the_data_is_the_training_scripts_to_find() -> None:
    planned = plan({"imbalance": {"method": "scale_pos_weight"}})

    assert planned["hyperparameters"]["imbalance"] == "scale_pos_weight"
    assert "scale_pos_weight" not in planned["hyperparameters"]


@pytest.mark.parametrize("mode", ["script", "builtin"])
def test_a_weight_that_is_given_is_xgboosts_own_hyperparameter_in_either_mode(mode: str) -> None:
    imbalance = {"method": "scale_pos_weight", "scale_pos_weight": 25}

    planned = plan({"imbalance": imbalance, "training": {"mode": mode}})

    assert planned["hyperparameters"]["scale_pos_weight"] == "25"
    assert "imbalance" not in planned["hyperparameters"]


# --- Threshold and costs ---


def test_the_threshold_and_the_costs_of_mistakes_go_to_the_choice_and_the_costs_to_the_evaluation() -> None:
    planned = plan({"threshold": {"objective": "least_cost"}, "costs": {"missed_fraud": "amount", "false_alarm": 2.5}})

    wanted = {"threshold_objective": "least_cost", "missed_fraud": "amount", "false_alarm": "2.5"}
    assert wanted.items() <= planned["choice"].items()
    assert planned["costs"] == {"missed_fraud": "amount", "false_alarm": 2.5}
    assert_aws_accepts(planned["choice"], "HyperParameters")


def test_a_minimum_goes_to_the_choice() -> None:
    planned = plan({"threshold": {"objective": "recall_at_precision", "minimum": 0.9}})

    assert planned["choice"]["threshold_minimum"] == "0.9"


def test_where_amounts_count_their_column_has_to_be_there() -> None:
    amounts = {"costs": {"missed_fraud": "amount", "false_alarm": 1}}

    assert plan({})["data"]["amount_column"] is None
    assert plan(amounts)["data"]["amount_column"] == "Amount"
    assert plan({**amounts, "data": {"amount_column": "Value"}})["data"]["amount_column"] == "Value"


def test_a_minimum_of_the_objective_may_be_of_the_lower_bound() -> None:
    planned = plan({"objective": {"recall": 0.8, "roc_auc": {"minimum": 0.9, "lower_bound": True}}})

    assert planned["objective"] == {
        "recall": {"minimum": 0.8, "lower_bound": False},
        "roc_auc": {"minimum": 0.9, "lower_bound": True},
    }


# --- Earlier runs ---

EARLIER, EARLIER_STILL = "261122-090000-8f14e4", "261121-090000-c4ca42"


def tuned(name: str, **different: Any) -> TuningJob:
    """The tuning job of an earlier run with all the defaults."""
    planned = plan({})["tuning"]
    ranges = [each["Name"] for kind in planned["parameter_ranges"].values() for each in kind]
    names = frozenset([*planned["static_hyperparameters"], *ranges])
    return replace(TuningJob(f"fraud-{name}", "validation:auc", names), **different)


def test_a_warm_start_begins_from_the_tuning_jobs_of_the_runs_that_are_named() -> None:
    runs = EarlierRuns(
        {f"fraud-{EARLIER}": tuned(f"{EARLIER}-0"), f"fraud-{EARLIER_STILL}": tuned(f"{EARLIER_STILL}-1")}
    )

    warm_start = plan({"tuning": {"warm_start_from": [EARLIER, EARLIER_STILL]}}, runs=runs)["tuning"]["warm_start"]

    assert warm_start["WarmStartConfig"]["ParentHyperParameterTuningJobs"] == [
        {"HyperParameterTuningJobName": f"fraud-{EARLIER}-0"},
        {"HyperParameterTuningJobName": f"fraud-{EARLIER_STILL}-1"},
    ]
    assert_aws_accepts(warm_start["WarmStartConfig"], "HyperParameterTuningJobWarmStartConfig")


def test_a_warm_start_may_tune_what_was_fixed_before_and_the_other_way_round() -> None:
    runs = EarlierRuns({f"fraud-{EARLIER}": tuned(f"{EARLIER}-0")})
    ranges = {"eta": {"min": 0.1, "max": 0.3}, "gamma": {"min": 0, "max": 4}, "alpha": {"min": 0, "max": 1}}

    planned = plan({"tuning": {"warm_start_from": [EARLIER], "ranges": ranges}}, runs=runs)

    assert "WarmStartConfig" in planned["tuning"]["warm_start"]


@pytest.mark.parametrize(
    ("parent", "told"),
    [
        (tuned("x-0", objective="validation:aucpr"), "fraud-x-0 tuned for validation:aucpr, and this run for"),
        (tuned("x-0", hyperparameters=tuned("x-0").hyperparameters | {"lambda"}), "not so lambda"),
        (tuned("x-0", hyperparameters=tuned("x-0").hyperparameters - {"eta"}), "not so eta"),
    ],
    ids=["another objective", "one hyperparameter more", "one less"],
)
def test_what_a_warm_start_cannot_learn_from_is_refused_before_anything_is_written(
    parent: TuningJob, told: str
) -> None:
    bucket, runs = Bucket(), EarlierRuns({f"fraud-{EARLIER}": parent})

    (problem,) = refusal({"tuning": {"warm_start_from": [EARLIER]}}, bucket, runs).problems

    assert problem.path == "tuning.warm_start_from"
    assert told in problem.what
    assert bucket.objects == {}


def test_without_a_warm_start_nothing_of_it_is_sent() -> None:
    assert plan({})["tuning"]["warm_start"] == {}


def test_a_warm_start_from_a_run_that_has_tuned_nothing_is_refused_before_anything_is_written() -> None:
    bucket = Bucket()

    (problem,) = refusal({"tuning": {"warm_start_from": [EARLIER]}}, bucket).problems

    assert problem.path == "tuning.warm_start_from"
    assert EARLIER in problem.what
    assert bucket.objects == {}


REGISTERED = RegisteredModel(
    arn="arn:aws:sagemaker:…:model-package/fraud-models/3",
    model_data="s3://team-bucket/runs/old/m.tar.gz",
    training_rows="s3://team-bucket/runs/old/train/train.csv",
)


def test_the_last_registered_model_competes_if_it_is_wanted() -> None:
    bucket = Bucket()
    bucket.objects["team-bucket/runs/old/m.tar.gz"] = b"model"

    planned = plan({"candidates": {"registered": True}}, bucket, EarlierRuns(registered=REGISTERED))

    copied = f"team-bucket/{planned['prefix']}output/registered-model/output/model.tar.gz"
    assert bucket.objects[copied] == b"model"
    assert planned["registered_model"] == REGISTERED.arn
    assert planned["registered"] == {"training_rows": REGISTERED.training_rows}


def test_a_registered_model_does_not_compete_unasked() -> None:
    planned = plan({}, runs=EarlierRuns(registered=REGISTERED))

    assert (planned["registered_model"], planned["registered"]) == (None, None)


def test_the_first_run_of_all_has_no_registered_model_to_compete_with() -> None:
    assert plan({"candidates": {"registered": True}})["registered_model"] is None


def test_a_version_that_names_no_archive_is_refused_before_anything_is_written() -> None:
    bucket = Bucket()

    error = refusal(
        {"candidates": {"registered": True}}, bucket, EarlierRuns(registered=replace(REGISTERED, model_data=None))
    )

    assert "names no archive" in str(error)
    assert bucket.objects == {}


def test_a_registered_model_that_is_not_where_it_was_is_refused_before_anything_is_written() -> None:
    bucket = Bucket()

    error = refusal({"candidates": {"registered": True}}, bucket, EarlierRuns(registered=REGISTERED))

    assert [problem.path for problem in error.problems] == ["candidates.registered"]
    assert "s3://team-bucket/runs/old/m.tar.gz" in str(error)
    assert bucket.objects == {}


# --- Tuning ---


def test_a_tuned_hyperparameter_is_not_static_too() -> None:
    tuning = plan({"tuning": {"ranges": {"eta": {"min": 0.1, "max": 0.3}}}})["tuning"]

    assert "eta" not in tuning["static_hyperparameters"]
    assert tuning["static_hyperparameters"]["max_depth"] == "5"


def test_aws_accepts_the_ranges_and_the_hyperparameters() -> None:
    planned = plan({})

    assert_aws_accepts(planned["tuning"]["parameter_ranges"], "ParameterRanges")
    assert_aws_accepts(planned["tuning"]["objective"], "HyperParameterTuningJobObjective")
    assert_aws_accepts(planned["tuning"]["static_hyperparameters"], "HyperParameters")
    assert_aws_accepts(planned["hyperparameters"], "HyperParameters")


def test_the_trained_model_reports_the_tuning_objective_last_so_that_early_stopping_watches_it() -> None:
    planned = plan({"tuning": {"objective_metric": "validation:logloss"}, "hyperparameters": {"eval_metric": "auc"}})

    assert planned["hyperparameters"]["eval_metric"] == "auc,logloss"
    assert planned["tuning"]["objective"]["Type"] == "Minimize"


def test_without_tuning_the_evaluation_metrics_stay_as_given() -> None:
    planned = plan({"tuning": {"enabled": False}, "hyperparameters": {"eval_metric": "logloss"}})

    assert planned["hyperparameters"]["eval_metric"] == "logloss"


def test_fewer_jobs_than_usually_run_at_a_time_run_all_at_a_time() -> None:
    assert plan({"tuning": {"max_jobs": 2}})["tuning"]["max_parallel_jobs"] == 2


def test_the_fine_search_has_an_objective_and_ranges_of_its_own_that_the_image_takes() -> None:
    planned = plan({"tuning": {"search": "fine"}})

    assert planned["tuning"]["objective"]["MetricName"] == "validation:aucpr"
    assert_aws_accepts(planned["tuning"]["parameter_ranges"], "ParameterRanges")
    assert planned["tuning"]["parameter_ranges"] != plan({})["tuning"]["parameter_ranges"]


def test_what_is_given_goes_before_what_the_search_brings() -> None:
    given = {"search": "fine", "objective_metric": "validation:logloss", "ranges": {"eta": {"min": 0.1, "max": 0.2}}}

    tuning = plan({"tuning": given})["tuning"]

    assert tuning["objective"]["MetricName"] == "validation:logloss"
    assert [each["Name"] for each in tuning["parameter_ranges"]["ContinuousParameterRanges"]] == ["eta"]


def test_a_search_draws_by_the_seed_of_the_run() -> None:
    assert plan({})["tuning"]["random_seed"] == 1729
    assert plan({"data": {"seed": 7}})["tuning"]["random_seed"] == 7


def test_training_jobs_are_stopped_early_if_it_is_wanted() -> None:
    assert plan({})["tuning"]["early_stopping"] == "Off"
    assert plan({"tuning": {"early_stopping": "Auto"}})["tuning"]["early_stopping"] == "Auto"


# --- Endpoint ---


@pytest.mark.parametrize(
    ("endpoint", "variant"),
    [
        ({"serverless": True}, {"ServerlessConfig": {"MemorySizeInMB": 2048, "MaxConcurrency": 5}}),
        (
            {"serverless": {"memory_size_in_mb": 4096}},
            {"ServerlessConfig": {"MemorySizeInMB": 4096, "MaxConcurrency": 5}},
        ),
        (
            {"instance_type": "ml.m5.large"},
            {"InstanceType": "ml.m5.large", "InitialInstanceCount": 1, "InitialVariantWeight": 1},
        ),
        (
            {"instance_type": "ml.m5.large", "initial_instance_count": 2},
            {"InstanceType": "ml.m5.large", "InitialInstanceCount": 2, "InitialVariantWeight": 1},
        ),
    ],
)
def test_the_endpoint_is_aws_production_variant_but_for_the_model(endpoint: object, variant: dict[str, Any]) -> None:
    (planned,) = plan({"endpoint": endpoint})["production_variants"]

    assert planned == {"VariantName": "AllTraffic", **variant}
    assert_aws_accepts({**planned, "ModelName": "m"}, "ProductionVariant")


def test_an_endpoint_lives_as_long_as_asked() -> None:
    planned = plan({"endpoint": {"ttl_minutes": 10, "idle_minutes": 30}})

    assert (planned["ttl_minutes"], planned["ttl_milliseconds"], planned["idle_minutes"]) == (10, 600_000, 30)


# --- Refusals ---


@pytest.mark.parametrize(
    ("execution_input", "path", "nearest"),
    [
        ({"trainig": {}}, "input.trainig", "training"),
        ({"data": {"label": "Class"}}, "data.label", "label_column"),
        ({"training": {"instance": "ml.m5.xlarge"}}, "training.instance", "instance_type"),
        ({"tuning": {"max_job": 3}}, "tuning.max_job", "max_jobs"),
        ({"endpoint": {"ttl": 30}}, "endpoint.ttl", "ttl_minutes"),
        ({"endpoint": {"serverless": {"memory": 1024}}}, "endpoint.serverless.memory", "memory_size_in_mb"),
        ({"objective": {"recal": 0.8}}, "objective.recal", "recall"),
    ],
)
def test_an_unknown_field_is_refused_by_name_with_the_nearest_known(
    execution_input: object, path: str, nearest: str
) -> None:
    (problem,) = refusal(execution_input).problems

    assert problem.path == path
    assert f'the nearest is "{nearest}"' in problem.what


@pytest.mark.parametrize(
    ("execution_input", "path"),
    [
        ([], "input"),
        (None, "input"),
        ({"data": None}, "data"),
        ({"data": {"source": "http://host/data.zip"}}, "data.source"),
        ({"data": {"source": "https://"}}, "data.source"),
        ({"data": {"source": "https://name:secret@host/data.zip"}}, "data.source"),
        ({"data": {"source": "https://host/señal.zip"}}, "data.source"),
        ({"data": {"source": "s3://bucket"}}, "data.source"),
        ({"data": {"source": "/etc/passwd"}}, "data.source"),
        ({"data": {"label_column": ""}}, "data.label_column"),
        ({"training": "script"}, "training"),
        ({"training": {"mode": "scrip"}}, "training.mode"),
        ({"training": {"instance_type": "m5.xlarge"}}, "training.instance_type"),
        ({"training": {"instance_count": 2}}, "training.instance_count"),
        ({"training": {"volume_size_in_gb": "10"}}, "training.volume_size_in_gb"),
        ({"training": {"max_runtime_in_seconds": 1.5}}, "training.max_runtime_in_seconds"),
        ({"hyperparameters": [1]}, "hyperparameters"),
        ({"hyperparameters": {"silent": 0}}, "hyperparameters"),
        ({"hyperparameters": {"eta": 2}}, "hyperparameters"),
        ({"tuning": {"enabled": "yes"}}, "tuning.enabled"),
        ({"tuning": {"max_jobs": True}}, "tuning.max_jobs"),
        ({"tuning": {"max_jobs": 751}}, "tuning.max_jobs"),
        ({"tuning": {"max_jobs": 20, "max_parallel_jobs": 11}}, "tuning.max_parallel_jobs"),
        ({"tuning": {"max_jobs": 2, "max_parallel_jobs": 3}}, "tuning.max_parallel_jobs"),
        ({"tuning": {"objective_metric": "validation:f1"}}, "tuning.objective_metric"),
        ({"tuning": {"strategy": "Grid"}}, "tuning.strategy"),
        ({"tuning": {"ranges": {}}}, "tuning.ranges"),
        ({"tuning": {"ranges": {"eta": {"min": 1, "max": 0}}}}, "tuning.ranges"),
        ({"endpoint": {"serverless": False}}, "endpoint.serverless"),
        ({"endpoint": {"serverless": {"memory_size_in_mb": 1000}}}, "endpoint.serverless.memory_size_in_mb"),
        ({"endpoint": {"serverless": {"max_concurrency": 0}}}, "endpoint.serverless.max_concurrency"),
        ({"endpoint": {"instance_type": "ml.t3.medium"}}, "endpoint.instance_type"),
        ({"endpoint": {"instance_type": "ml.m5.large", "serverless": True}}, "endpoint"),
        ({"endpoint": {"initial_instance_count": 2}}, "endpoint.initial_instance_count"),
        ({"endpoint": {"ttl_minutes": 9}}, "endpoint.ttl_minutes"),
        ({"endpoint": {"ttl_minutes": 1441}}, "endpoint.ttl_minutes"),
        ({"endpoint": {"idle_minutes": 0}}, "endpoint.idle_minutes"),
        ({"objective": 0.8}, "objective"),
        ({"objective": {"recall": 1.1}}, "objective.recall"),
        ({"objective": {"f1": True}}, "objective.f1"),
        ({"objective": {"f1": {"lower_bound": True}}}, "objective.f1"),
        ({"objective": {"f1": {"minimum": 2}}}, "objective.f1.minimum"),
        ({"objective": {"f1": {"minimum": 0.5, "lower_bound": 1}}}, "objective.f1.lower_bound"),
        ({"objective": {"f1": {"minimum": 0.5, "lower": True}}}, "objective.f1.lower"),
        ({"objective": {"money_saved": 100}}, "objective.money_saved"),
        ({"data": {"split": "random"}}, "data.split"),
        ({"data": {"split": "time"}}, "data.time_column"),
        ({"data": {"time_column": "Time"}}, "data.time_column"),
        ({"data": {"split": "time", "time_column": "Time", "seed": 1}}, "data.seed"),
        ({"data": {"seed": -1}}, "data.seed"),
        ({"data": {"seed": 2**31}}, "data.seed"),
        ({"data": {"drop_duplicates": "yes"}}, "data.drop_duplicates"),
        ({"data": {"amount_column": ""}}, "data.amount_column"),
        ({"imbalance": {"method": "adasyn"}}, "imbalance.method"),
        ({"imbalance": {"method": "smote", "sampling_ratio": 0}}, "imbalance.sampling_ratio"),
        ({"imbalance": {"method": "smote", "sampling_ratio": 1.1}}, "imbalance.sampling_ratio"),
        ({"imbalance": {"sampling_ratio": 0.5}}, "imbalance.sampling_ratio"),
        ({"imbalance": {"scale_pos_weight": 2}}, "imbalance.scale_pos_weight"),
        ({"imbalance": {"method": "scale_pos_weight", "scale_pos_weight": 0}}, "imbalance.scale_pos_weight"),
        ({"imbalance": {"method": "smote"}, "training": {"mode": "builtin"}}, "imbalance.method"),
        ({"imbalance": {"method": "scale_pos_weight"}, "training": {"mode": "builtin"}}, "imbalance.method"),
        (
            {"imbalance": {"method": "scale_pos_weight"}, "hyperparameters": {"scale_pos_weight": 2}},
            "hyperparameters.scale_pos_weight",
        ),
        ({"tuning": {"search": "deep"}}, "tuning.search"),
        ({"tuning": {"early_stopping": True}}, "tuning.early_stopping"),
        ({"tuning": {"warm_start_from": []}}, "tuning.warm_start_from"),
        ({"tuning": {"warm_start_from": "261122-090000-8f14e4"}}, "tuning.warm_start_from"),
        ({"tuning": {"warm_start_from": ["monday"]}}, "tuning.warm_start_from"),
        ({"tuning": {"warm_start_from": ["261122-090000-8f14e4"] * 2}}, "tuning.warm_start_from"),
        ({"tuning": {"warm_start_from": [f"261122-09000{n}-8f14e4" for n in range(6)]}}, "tuning.warm_start_from"),
        ({"threshold": {"objective": "accuracy"}}, "threshold.objective"),
        ({"threshold": {"objective": "recall_at_precision"}}, "threshold.minimum"),
        ({"threshold": {"objective": "precision_at_recall", "minimum": 0}}, "threshold.minimum"),
        ({"threshold": {"minimum": 0.9}}, "threshold.minimum"),
        ({"threshold": {"objective": "least_cost"}}, "threshold.objective"),
        ({"costs": {"missed_fraud": "Amount", "false_alarm": 1}}, "costs.missed_fraud"),
        ({"costs": {"missed_fraud": 10, "false_alarm": -1}}, "costs.false_alarm"),
        ({"costs": {"missed_fraud": 10}}, "costs"),
        ({"candidates": {"registered": 1}}, "candidates.registered"),
        ({"costs": {"missed_fraud": 1e400, "false_alarm": 1}}, "costs.missed_fraud"),
        (
            {"costs": {"missed_fraud": 0, "false_alarm": 0}, "threshold": {"objective": "least_cost"}},
            "costs.missed_fraud",
        ),
        ({"data": {"amount_column": "Class"}}, "data.amount_column"),
        ({"data": {"split": "time", "label_column": "T", "time_column": "T"}}, "data.time_column"),
        ({"tuning": {"enabled": False, "warm_start_from": ["261122-090000-8f14e4"]}}, "tuning.warm_start_from"),
    ],
)
def test_a_value_that_is_not_allowed_is_refused_where_it_stands(execution_input: object, path: str) -> None:
    assert [problem.path for problem in refusal(execution_input).problems] == [path]


def test_all_problems_are_reported_at_once() -> None:
    error = refusal({"data": {"sauce": 1}, "training": {"mode": "x"}, "objective": {"recall": 2}})

    assert [problem.path for problem in error.problems] == ["data.sauce", "training.mode", "objective.recall"]
    assert "has 3 problems" in str(error)


def test_a_refusal_says_what_was_given_and_what_is_allowed() -> None:
    assert 'training.mode: given is "x"; allowed is "script" or "builtin"' in str(refusal({"training": {"mode": "x"}}))


def test_a_long_wrong_value_is_cut_in_the_refusal() -> None:
    assert len(str(refusal({"data": {"source": "x" * 10_000}}))) < 500


def test_nothing_is_written_for_an_input_that_is_refused() -> None:
    bucket = Bucket()

    with pytest.raises(InvalidInput):
        plan({"training": {"mode": "x"}}, bucket)

    assert bucket.objects == {}


NAMES = st.sampled_from(
    [
        *("data", "training", "hyperparameters", "imbalance", "tuning", "threshold", "costs", "candidates"),
        *("endpoint", "objective", "serverless", "ranges", "eta", "source", "recall", "minimum", "method"),
    ]
)
ANY_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=10),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAMES | st.text(max_size=5), inner, max_size=4),
    max_leaves=12,
)


@settings(deadline=None)
@given(ANY_JSON)
def test_whatever_is_given_is_planned_or_refused_as_invalid_input(execution_input: object) -> None:
    try:
        answer = str(plan(execution_input)["run_id"])
    except InvalidInput as error:
        answer = str(error)

    assert answer


# --- Cost ---


def test_the_cost_of_training_counts_the_training_job_the_tuning_jobs_and_the_choice() -> None:
    cost = plan({"training": {"max_runtime_in_seconds": 1800}})["estimated_cost_usd"]

    assert cost["training_jobs"] == 11
    assert cost["training"]["upper_bound"] == pytest.approx(11 * 0.5 * 0.23, abs=0.005)
    assert 0 < cost["training"]["typical"] < cost["training"]["upper_bound"]


def test_the_cost_of_an_instance_endpoint_is_bounded_by_its_lifetime() -> None:
    endpoint = {"instance_type": "ml.m5.xlarge", "initial_instance_count": 2, "ttl_minutes": 120, "idle_minutes": 60}

    cost = plan({"endpoint": endpoint})["estimated_cost_usd"]["endpoint"]

    assert (cost["typical"], cost["upper_bound"]) == (0.46, 0.92)


def test_what_has_no_known_price_is_not_given_one() -> None:
    cost = plan({"training": {"instance_type": "ml.c7i.large"}})["estimated_cost_usd"]

    assert (cost["training"]["typical"], cost["training"]["upper_bound"]) == (None, None)
    assert (cost["endpoint"]["typical"], cost["endpoint"]["upper_bound"]) == (None, None)


# --- The function ---


def test_every_missing_variable_is_named() -> None:
    with pytest.raises(MisconfiguredFunction, match="BUCKET, MAX_TTL_MINUTES"):
        Environment.read({name: VARIABLES[name] for name in VARIABLES if name not in ("BUCKET", "MAX_TTL_MINUTES")})


def test_a_lifetime_that_is_no_number_is_named() -> None:
    with pytest.raises(MisconfiguredFunction, match="DEFAULT_TTL_MINUTES is 'long'"):
        Environment.read(VARIABLES | {"DEFAULT_TTL_MINUTES": "long"})


def test_the_handler_plans_from_the_event_and_the_functions_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in VARIABLES.items():
        monkeypatch.setenv(name, value)
    s3, sagemaker = unsigned("s3"), unsigned("sagemaker")
    monkeypatch.setattr(boto3, "client", {"s3": s3, "sagemaker": sagemaker}.__getitem__)

    with Stubber(s3) as stubbed:
        stubbed.add_response("put_object", {})
        planned = handler({"input": {}, "execution": EXECUTION}, None)

    assert planned == plan({})


def unsigned(service: str) -> Any:
    return boto3.client(service, region_name="us-east-1", config=Config(signature_version=UNSIGNED))


def test_the_store_writes_the_object() -> None:
    client = unsigned("s3")
    with Stubber(client) as s3:
        s3.add_response("put_object", {}, {"Bucket": "b", "Key": "k", "Body": b"code"})

        S3Store(client).write("b", "k", b"code")

        s3.assert_no_pending_responses()


def test_the_store_copies_an_object() -> None:
    client = unsigned("s3")
    with Stubber(client) as s3:
        s3.add_response("copy_object", {}, {"Bucket": "b", "Key": "k", "CopySource": {"Bucket": "a", "Key": "x/y"}})

        S3Store(client).copy("s3://a/x/y", "b", "k")

        s3.assert_no_pending_responses()


@pytest.mark.parametrize("code", ["NoSuchKey", "AccessDenied"])
def test_an_object_that_cannot_be_copied_is_named_so(code: str) -> None:
    client = unsigned("s3")
    with Stubber(client) as s3:
        s3.add_client_error("copy_object", code)

        with pytest.raises(UnreadableObject, match=code):
            S3Store(client).copy("s3://a/x", "b", "k")


def summary(name: str, status: str) -> dict[str, Any]:
    return {
        "HyperParameterTuningJobName": name,
        "HyperParameterTuningJobArn": f"arn:aws:sagemaker:us-east-1:123456789012:hyper-parameter-tuning-job/{name}",
        "HyperParameterTuningJobStatus": status,
        "Strategy": "Bayesian",
        "CreationTime": datetime(2026, 11, 22, tzinfo=UTC),
        "TrainingJobStatusCounters": {},
        "ObjectiveStatusCounters": {},
    }


@pytest.mark.parametrize(("status", "found"), [("Completed", "r-1"), ("Stopped", "r-1"), ("InProgress", None)])
def test_a_tuning_job_can_be_learnt_from_once_it_has_ended_without_failing(status: str, found: str | None) -> None:
    client = unsigned("sagemaker")
    jobs = [summary("r-0", "Failed"), summary("r-1", status)]
    with Stubber(client) as sagemaker:
        sagemaker.add_response(
            "list_hyper_parameter_tuning_jobs", {"HyperParameterTuningJobSummaries": jobs}, {"NameContains": "r"}
        )

        if found:
            sagemaker.add_response("describe_hyper_parameter_tuning_job", described(found))

        job = SageMakerRuns(client).tuning_job("r")

    assert job == (TuningJob("r-1", "validation:auc", frozenset({"eta", "gamma"})) if found else None)


def described(name: str) -> dict[str, Any]:
    listed = summary(name, "Completed")
    objective = {"Type": "Maximize", "MetricName": "validation:auc"}
    eta = {"Name": "eta", "MinValue": "0", "MaxValue": "1"}
    return {
        **{member: value for member, value in listed.items() if member != "Strategy"},
        "HyperParameterTuningJobConfig": {
            "Strategy": "Bayesian",
            "HyperParameterTuningJobObjective": objective,
            "ResourceLimits": {"MaxParallelTrainingJobs": 1},
            "ParameterRanges": {"ContinuousParameterRanges": [eta]},
        },
        "TrainingJobDefinition": {
            "StaticHyperParameters": {"gamma": "4", "_tuning_objective_metric": "validation:auc"},
            "AlgorithmSpecification": {"TrainingInputMode": "File"},
            "RoleArn": "arn:aws:iam::123456789012:role/execution",
            "OutputDataConfig": {"S3OutputPath": "s3://b/o"},
            "StoppingCondition": {},
        },
    }


def test_without_an_approved_version_there_is_no_registered_model() -> None:
    client = unsigned("sagemaker")
    wanted = {
        "ModelPackageGroupName": "g",
        "ModelApprovalStatus": "Approved",
        "SortBy": "CreationTime",
        "SortOrder": "Descending",
        "MaxResults": 1,
    }
    with Stubber(client) as sagemaker:
        sagemaker.add_response("list_model_packages", {"ModelPackageSummaryList": []}, wanted)

        assert SageMakerRuns(client).registered_model("g") is None
