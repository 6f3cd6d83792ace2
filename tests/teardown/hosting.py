"""Models, configurations and endpoints as people make them by hand, many at a time if need be."""

import io
import shlex
import tarfile
from collections.abc import Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import numpy as np
import xgboost as xgb

from localcloud.cloud import ACCOUNT, Item
from tests.pipeline.running import PROJECT, Deployed, arn, wait_until

IMAGE = "683313688378.dkr.ecr.us-east-1.amazonaws.com/sagemaker-xgboost:3.2-0"
OWN: Mapping[str, str] = {"project": PROJECT}
FOREIGN: Mapping[str, str] = {"project": "other"}
_ARTIFACT, _LOST = "runs/by-hand/output/model.tar.gz", "runs/by-hand/output/lost.tar.gz"
_AT_A_TIME = 4


def items(name: str) -> frozenset[Item]:
    return frozenset(Item("sagemaker", kind, name) for kind in ("endpoint", "endpoint-config", "model"))


@dataclass(frozen=True)
class Hands:
    """What somebody with all permissions does to the account."""

    deployed: Deployed

    def upload_model(self) -> None:
        """The artefact of a tiny model, and a second one that is to be lost."""
        rows = xgb.DMatrix(np.array([[0.0], [1.0]]), label=np.array([0, 1]))
        booster = xgb.train({"objective": "binary:logistic"}, rows, num_boost_round=1)
        content, packed = bytes(booster.save_raw("ubj")), io.BytesIO()
        with tarfile.open(fileobj=packed, mode="w:gz") as archive:
            entry = tarfile.TarInfo("xgboost-model")
            entry.size = len(content)
            archive.addfile(entry, io.BytesIO(content))
        for key in (_ARTIFACT, _LOST):
            self.deployed.client("s3").put_object(Bucket=self.deployed.bucket, Key=key, Body=packed.getvalue())

    def serve(self, name: str, tags: Mapping[str, str]) -> None:
        """A model, a configuration and an endpoint that comes to serve."""
        self._host(name, tags, _ARTIFACT)
        wait_until(lambda: self.status(name) == "InService", f"{name} serves")

    def fail_to_serve(self, names: Iterable[str], tags: Mapping[str, str]) -> None:
        """Endpoints that fail, so that as many as one likes can be: they take up no quota."""
        names = list(names)
        s3 = self.deployed.client("s3")
        with ThreadPoolExecutor(_AT_A_TIME) as pool:
            list(pool.map(lambda name: self._model(name, tags, _LOST), names))
            artifact = s3.get_object(Bucket=self.deployed.bucket, Key=_LOST)["Body"].read()
            s3.delete_object(Bucket=self.deployed.bucket, Key=_LOST)
            list(pool.map(lambda name: self._endpoint(name, tags), names))
        s3.put_object(Bucket=self.deployed.bucket, Key=_LOST, Body=artifact)

    def tag(self, name: str, key: str, value: str) -> None:
        self.deployed.client("sagemaker").add_tags(ResourceArn=arn("endpoint", name), Tags=_listed({key: value}))

    def run(self, command: str) -> None:
        """A command `aws sagemaker add-tags` as the AWS CLI carries it out."""
        program, service, operation, *options = shlex.split(command)
        given = dict(zip(options[::2], options[1::2], strict=True))
        assert [program, service, operation, *sorted(given)] == [
            "aws",
            "sagemaker",
            "add-tags",
            "--resource-arn",
            "--tags",
        ]
        tag = dict(part.split("=", 1) for part in given["--tags"].split(","))
        self.deployed.client("sagemaker").add_tags(ResourceArn=given["--resource-arn"], Tags=[tag])

    def status(self, name: str) -> str:
        return str(self.deployed.client("sagemaker").describe_endpoint(EndpointName=name)["EndpointStatus"])

    def _host(self, name: str, tags: Mapping[str, str], artifact: str) -> None:
        self._model(name, tags, artifact)
        self._endpoint(name, tags)

    def _model(self, name: str, tags: Mapping[str, str], artifact: str) -> None:
        self.deployed.client("sagemaker").create_model(
            ModelName=name,
            PrimaryContainer={"Image": IMAGE, "ModelDataUrl": f"s3://{self.deployed.bucket}/{artifact}"},
            ExecutionRoleArn=f"arn:aws:iam::{ACCOUNT}:role/{self.deployed.resource('Data', 'ExecutionRole')}",
            Tags=_listed(tags),
        )

    def _endpoint(self, name: str, tags: Mapping[str, str]) -> None:
        sagemaker = self.deployed.client("sagemaker")
        serverless = {"MemorySizeInMB": 1024, "MaxConcurrency": 1}
        variant = {"VariantName": "AllTraffic", "ModelName": name, "ServerlessConfig": serverless}
        sagemaker.create_endpoint_config(EndpointConfigName=name, ProductionVariants=[variant], Tags=_listed(tags))
        sagemaker.create_endpoint(EndpointName=name, EndpointConfigName=name, Tags=_listed(tags))
        wait_until(lambda: self.status(name) != "Creating", f"{name} is there")

    def remove(self, names: Iterable[str]) -> None:
        sagemaker = self.deployed.client("sagemaker")
        for name in names:
            sagemaker.delete_endpoint(EndpointName=name)
            sagemaker.delete_endpoint_config(EndpointConfigName=name)
            sagemaker.delete_model(ModelName=name)


def _listed(tags: Mapping[str, str]) -> list[dict[str, Any]]:
    return [{"Key": key, "Value": value} for key, value in tags.items()]
