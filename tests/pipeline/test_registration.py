"""A model that met its objective is in the registry, with all that one must know to use it and to make it again."""

import hashlib
import json
from pathlib import Path
from typing import Any

import pytest

from tests.pipeline.running import Deployed, Run


@pytest.fixture(scope="module")
def version(deployed: Deployed, full_run: Run) -> dict[str, Any]:
    """The one that the run has registered, described."""
    (found,) = deployed.registered(full_run)
    return found


@pytest.fixture(scope="module")
def metadata(version: dict[str, Any]) -> dict[str, str]:
    found: dict[str, str] = version["CustomerMetadataProperties"]
    return found


def test_a_run_that_passes_registers_an_approved_version(version: dict[str, Any], full_run: Run) -> None:
    assert (version["ModelPackageGroupName"], version["ModelApprovalStatus"]) == ("fraud-models", "Approved")
    assert version["ModelPackageArn"] == full_run.output["model_package"]


def test_the_version_is_the_model_that_serves(deployed: Deployed, version: dict[str, Any], full_run: Run) -> None:
    served = deployed.client("sagemaker").describe_model(ModelName=full_run.name)["PrimaryContainer"]
    (container,) = version["InferenceSpecification"]["Containers"]
    assert {key: container[key] for key in ("Image", "ModelDataUrl", "Environment")} == {
        key: served[key] for key in ("Image", "ModelDataUrl", "Environment")
    }


def test_it_has_the_threshold_from_which_on_a_score_is_an_alarm(metadata: dict[str, str], full_run: Run) -> None:
    assert float(metadata["threshold"]) == full_run.output["evaluation"]["threshold"]


def test_it_names_the_data_by_its_fingerprint(metadata: dict[str, str], sample: Path) -> None:
    assert metadata["data_sha256"] == hashlib.sha256(sample.read_bytes()).hexdigest()


def test_it_names_the_code_by_its_fingerprint(
    deployed: Deployed, version: dict[str, Any], metadata: dict[str, str], full_run: Run
) -> None:
    key = f"{full_run.prefix}code/sourcedir.tar.gz"
    assert metadata["code_sha256"] == hashlib.sha256(deployed.read(key)).hexdigest()
    assert version["MetadataProperties"]["Repository"] == f"s3://{deployed.bucket}/{key}"


def test_it_names_its_run_and_the_job_that_trained_it(
    version: dict[str, Any], metadata: dict[str, str], full_run: Run
) -> None:
    assert (metadata["run_id"], metadata["prefix"]) == (full_run.run_id, full_run.prefix)
    assert metadata["trained_by"] == full_run.run_id
    assert metadata["training_rows"] == f"{full_run.output['artifacts']}train/train.csv"
    assert metadata["training_job"] == full_run.output["evaluation"]["chosen"]["job_name"]
    assert version["MetadataProperties"]["GeneratedBy"] == full_run.arn


@pytest.mark.parametrize(
    ("what", "name"), [("ModelQuality", "evaluation.json"), ("ModelDataQuality", "data_report.json")]
)
def test_its_metrics_are_the_runs_files(
    deployed: Deployed, version: dict[str, Any], full_run: Run, what: str, name: str
) -> None:
    statistics = version["ModelMetrics"][what]["Statistics"]
    key = f"{full_run.prefix}{name}"
    assert statistics == {"ContentType": "application/json", "S3Uri": f"s3://{deployed.bucket}/{key}"}
    assert json.loads(deployed.read(key))
