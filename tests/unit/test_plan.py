"""The plan function: the execution input checked and completed, the run named, its code left in the bucket."""

import io
import json
import os
import tarfile
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
from lambdas.plan.environment import Environment
from lambdas.plan.errors import InvalidInput, MisconfiguredFunction
from lambdas.plan.execution import Execution
from lambdas.plan.handler import TRAINING_CODE, handler
from lambdas.plan.planning import Planning
from lambdas.plan.storage import S3Store

VARIABLES = {
    "PROJECT": "fraud",
    "BUCKET": "team-bucket",
    "IMAGE_URI": "683313688378.dkr.ecr.us-east-1.amazonaws.com/sagemaker-xgboost:3.2-0",
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


def plan(execution_input: object, bucket: Bucket | None = None, **execution: str) -> dict[str, Any]:
    planning = Planning(Environment.read(VARIABLES), bucket or Bucket(), TRAINING_CODE)
    return planning.plan(execution_input, Execution.read(EXECUTION | execution)).as_json()


def refusal(execution_input: object) -> InvalidInput:
    with pytest.raises(InvalidInput) as refused:
        plan(execution_input)
    return refused.value


def assert_aws_accepts(value: object, shape_name: str) -> None:
    shape = botocore.session.get_session().get_service_model("sagemaker").shape_for(shape_name)
    report = ParamValidator().validate(value, shape)
    assert not report.has_errors(), report.generate_report()


# --- What an empty input comes to ---


def test_an_empty_input_plans_the_lesson() -> None:
    planned = plan({})

    assert planned["source"].endswith("/fraud-detection/creditcardfraud.zip")
    assert planned["label_column"] == "Class"
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
    first = pack(tmp_path)

    os.utime(script, (1, 1))
    script.chmod(0o600)

    assert pack(tmp_path) == first


def test_builtin_mode_needs_no_code() -> None:
    bucket = Bucket()

    planned = plan({"training": {"mode": "builtin"}}, bucket)

    assert bucket.objects == {}
    assert planned["environment"] == {}
    assert not [name for name in planned["hyperparameters"] if name.startswith("sagemaker_")]


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
    ["data", "training", "hyperparameters", "tuning", "endpoint", "objective", "serverless", "ranges", "eta", "source"]
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


def test_the_cost_of_training_counts_the_training_job_and_the_tuning_jobs() -> None:
    cost = plan({"training": {"max_runtime_in_seconds": 1800}})["estimated_cost_usd"]

    assert cost["training_jobs"] == 10
    assert cost["training"]["upper_bound"] == pytest.approx(10 * 0.5 * 0.23)
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
    for name, value in (VARIABLES | {"AWS_DEFAULT_REGION": "us-east-1", "AWS_EC2_METADATA_DISABLED": "true"}).items():
        monkeypatch.setenv(name, value)

    planned = handler({"input": {"training": {"mode": "builtin"}}, "execution": EXECUTION}, None)

    assert planned == plan({"training": {"mode": "builtin"}})


def test_the_store_writes_the_object() -> None:
    client = boto3.client("s3", region_name="us-east-1", config=Config(signature_version=UNSIGNED))
    with Stubber(client) as s3:
        s3.add_response("put_object", {}, {"Bucket": "b", "Key": "k", "Body": b"code"})

        S3Store(client).write("b", "k", b"code")

        s3.assert_no_pending_responses()
