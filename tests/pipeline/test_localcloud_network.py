"""The local cloud's own network rules: a domain's home file system, what holds subnets and groups, and who may."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError

from localcloud.cloud import ACCOUNT, REGION
from tests.pipeline.running import Deployed, wait_until

DOMAIN = {"AuthMode": "IAM", "DefaultUserSettings": {"ExecutionRole": f"arn:aws:iam::{ACCOUNT}:role/nobody"}}
IMAGE = "683313688378.dkr.ecr.us-east-1.amazonaws.com/sagemaker-xgboost:3.2-0"


def code(error: pytest.ExceptionInfo[ClientError]) -> str:
    return str(error.value.response["Error"]["Code"])


@dataclass(frozen=True)
class Network:
    """A VPC with a subnet in each of two Availability Zones."""

    ec2: Any
    efs: Any
    vpc: str
    subnets: list[str]

    def groups(self) -> dict[str, dict[str, Any]]:
        """The groups that a domain's home file system brings, by `inbound` and `outbound`."""
        described = self.ec2.describe_security_groups(Filters=[{"Name": "vpc-id", "Values": [self.vpc]}])
        groups = [group for group in described["SecurityGroups"] if "-nfs-" in group["GroupName"]]
        return {group["GroupName"].split("-")[3]: group for group in groups}

    def file_system(self) -> str:
        targets = [target for fs in self._file_systems() for target in self.targets(fs)]
        return next(str(target["FileSystemId"]) for target in targets if target["VpcId"] == self.vpc)

    def targets(self, file_system: str) -> list[dict[str, Any]]:
        targets: list[dict[str, Any]] = self.efs.describe_mount_targets(FileSystemId=file_system)["MountTargets"]
        return targets

    def _file_systems(self) -> list[str]:
        return [each["FileSystemId"] for each in self.efs.describe_file_systems()["FileSystems"]]

    def remove_groups(self, ec2: Any) -> None:
        """Revoke the rules first: they name each other (aws-facts 5.9)."""
        groups = self.groups()
        for group in groups.values():
            for rules, revoke in (
                (group["IpPermissions"], ec2.revoke_security_group_ingress),
                (group["IpPermissionsEgress"], ec2.revoke_security_group_egress),
            ):
                if rules:
                    revoke(GroupId=group["GroupId"], IpPermissions=rules)
        for group in groups.values():
            ec2.delete_security_group(GroupId=group["GroupId"])

    def remove(self) -> None:
        self.remove_groups(self.ec2)
        for subnet in self.subnets:
            self.ec2.delete_subnet(SubnetId=subnet)
        self.ec2.delete_vpc(VpcId=self.vpc)


def make_network(deployed: Deployed) -> Network:
    ec2 = deployed.client("ec2")
    vpc = ec2.create_vpc(CidrBlock="10.77.0.0/16")["Vpc"]["VpcId"]
    subnets = [
        ec2.create_subnet(VpcId=vpc, CidrBlock=f"10.77.{number}.0/24", AvailabilityZone=f"{REGION}{zone}")
        for number, zone in enumerate("ab")
    ]
    return Network(ec2, deployed.client("efs"), vpc, [subnet["Subnet"]["SubnetId"] for subnet in subnets])


@dataclass(frozen=True)
class Home:
    """A domain that is InService, and its network."""

    network: Network
    sagemaker: Any
    domain: dict[str, Any]
    file_system: str

    def leave(self, retention: str) -> None:
        id_ = self.domain["DomainId"]
        self.sagemaker.delete_domain(DomainId=id_, RetentionPolicy={"HomeEfsFileSystem": retention})
        wait_until(lambda: self.domain["DomainName"] not in domains(self.sagemaker), f"{id_} is gone")


def domains(sagemaker: Any) -> list[str]:
    return [domain["DomainName"] for domain in sagemaker.list_domains()["Domains"]]


def make_home(deployed: Deployed, name: str) -> Home:
    network, sagemaker = make_network(deployed), deployed.client("sagemaker")
    id_ = sagemaker.create_domain(DomainName=name, VpcId=network.vpc, SubnetIds=network.subnets, **DOMAIN)["DomainId"]

    def describe() -> dict[str, Any]:
        domain: dict[str, Any] = sagemaker.describe_domain(DomainId=id_)
        return domain

    wait_until(lambda: describe()["Status"] == "InService", f"{name} is InService")
    return Home(network, sagemaker, describe(), network.file_system())


@pytest.fixture(scope="module")
def home(deployed: Deployed) -> Iterator[Home]:
    home = make_home(deployed, "with-a-home")
    yield home
    home.leave("Delete")
    home.network.remove()


# --- the home file system ---------------------------------------------------------------------------------------


def test_the_home_file_system_bears_the_domains_tag(home: Home) -> None:
    described = home.network.efs.describe_file_systems(FileSystemId=home.file_system)["FileSystems"][0]
    assert home.domain["HomeEfsFileSystemId"] == home.file_system
    assert described["Tags"] == [
        {"Key": "ManagedByAmazonSageMakerResource", "Value": home.domain["DomainArn"]},
    ]


def test_it_has_a_mount_target_in_each_subnet(home: Home) -> None:
    targets = home.network.targets(home.file_system)
    groups = home.network.efs.describe_mount_target_security_groups(MountTargetId=targets[0]["MountTargetId"])
    assert sorted(target["SubnetId"] for target in targets) == sorted(home.network.subnets)
    assert groups["SecurityGroups"] == [home.network.groups()["inbound"]["GroupId"]]


def test_its_groups_name_each_other(home: Home) -> None:
    groups = home.network.groups()
    domain_id = home.domain["DomainId"]
    assert {name: group["GroupName"] for name, group in groups.items()} == {
        name: f"security-group-for-{name}-nfs-{domain_id}" for name in ("inbound", "outbound")
    }
    for rules, peer in (
        (groups["inbound"]["IpPermissions"], groups["outbound"]),
        (groups["outbound"]["IpPermissionsEgress"], groups["inbound"]),
    ):
        assert [(rule["IpProtocol"], rule["FromPort"], rule["ToPort"]) for rule in rules if "FromPort" in rule] == [
            ("tcp", 2049, 2049)
        ]
        assert [pair["GroupId"] for rule in rules for pair in rule["UserIdGroupPairs"]] == [peer["GroupId"]]


def test_a_domain_whose_subnet_is_unknown_leaves_nothing(deployed: Deployed, home: Home) -> None:
    before = deployed.app.cloud.inventory()
    with pytest.raises(ClientError, match="has no subnet subnet-nowhere"):
        home.sagemaker.create_domain(
            DomainName="nowhere",
            VpcId=home.network.vpc,
            SubnetIds=[home.network.subnets[0], "subnet-nowhere"],
            **DOMAIN,
        )
    assert deployed.app.cloud.inventory() == before


# --- what is in use ---------------------------------------------------------------------------------------------


def test_what_a_mount_target_uses_cannot_be_deleted(home: Home) -> None:
    ec2, group = home.network.ec2, home.network.groups()["inbound"]["GroupId"]
    with pytest.raises(ClientError) as subnet:
        ec2.delete_subnet(SubnetId=home.network.subnets[0])
    with pytest.raises(ClientError) as security_group:
        ec2.delete_security_group(GroupId=group)
    with pytest.raises(ClientError) as vpc:
        ec2.delete_vpc(VpcId=home.network.vpc)
    with pytest.raises(ClientError) as file_system:
        home.network.efs.delete_file_system(FileSystemId=home.file_system)
    assert [code(error) for error in (subnet, security_group, vpc)] == ["DependencyViolation"] * 3
    assert code(file_system) == "FileSystemInUse"


def test_a_group_that_only_names_itself_can_be_deleted(home: Home) -> None:
    ec2 = home.network.ec2
    own = ec2.create_security_group(GroupName="own", Description="names itself", VpcId=home.network.vpc)["GroupId"]
    rule = {"IpProtocol": "tcp", "FromPort": 1, "ToPort": 2, "UserIdGroupPairs": [{"GroupId": own}]}
    ec2.authorize_security_group_ingress(GroupId=own, IpPermissions=[rule])
    ec2.delete_security_group(GroupId=own)


# --- who may ----------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Cleaner:
    """A role that may clean up after one domain: by the file system's tag, and by the VPC."""

    ec2: Any
    efs: Any


def policy(home: Home) -> dict[str, Any]:
    account = f"{REGION}:{ACCOUNT}"
    in_vpc = {"ArnEquals": {"ec2:Vpc": f"arn:aws:ec2:{account}:vpc/{home.network.vpc}"}}
    of_domain = {"StringEquals": {"aws:ResourceTag/ManagedByAmazonSageMakerResource": home.domain["DomainArn"]}}
    efs = ("DescribeFileSystems", "DescribeMountTargets", "DeleteMountTarget", "DeleteFileSystem")
    ec2 = ("DeleteSecurityGroup", "RevokeSecurityGroupIngress", "RevokeSecurityGroupEgress")
    statements = [
        (
            [f"elasticfilesystem:{name}" for name in efs],
            f"arn:aws:elasticfilesystem:{account}:file-system/*",
            of_domain,
        ),
        ([f"ec2:{name}" for name in ec2], f"arn:aws:ec2:{account}:security-group/*", in_vpc),
        (["ec2:DeleteNetworkInterface"], f"arn:aws:ec2:{account}:network-interface/*", in_vpc),
    ]
    return {
        "Version": "2012-10-17",
        "Statement": [
            {"Effect": "Allow", "Action": actions, "Resource": resource, "Condition": condition}
            for actions, resource, condition in statements
        ],
    }


@pytest.fixture(scope="module")
def stranger(deployed: Deployed) -> Iterator[Home]:
    """Another domain, which the cleaner must leave alone."""
    stranger = make_home(deployed, "of-a-stranger")
    yield stranger
    stranger.leave("Delete")
    stranger.network.remove()


@pytest.fixture
def left(deployed: Deployed) -> Iterator[Home]:
    """What stays of a domain that is deleted with AWS's default."""
    left = make_home(deployed, "left-behind")
    left.leave("Retain")
    yield left
    left.network.remove()


@pytest.fixture
def cleaner(deployed: Deployed, left: Home) -> Iterator[Cleaner]:
    iam, cloud = deployed.client("iam"), deployed.app.cloud
    trust = {"Effect": "Allow", "Principal": {"AWS": ACCOUNT}, "Action": "sts:AssumeRole"}
    role = iam.create_role(
        RoleName="cleaner", AssumeRolePolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": [trust]})
    )["Role"]["Arn"]
    iam.put_role_policy(RoleName="cleaner", PolicyName="clean-up", PolicyDocument=json.dumps(policy(left)))
    session = deployed.client("sts").assume_role(RoleArn=role, RoleSessionName="cleaner")["Credentials"]
    clients = [
        boto3.client(
            service,
            endpoint_url=cloud.endpoint,
            region_name=REGION,
            verify=cloud.environment["AWS_CA_BUNDLE"],
            aws_access_key_id=session["AccessKeyId"],
            aws_secret_access_key=session["SecretAccessKey"],
            aws_session_token=session["SessionToken"],
        )
        for service in ("ec2", "efs")
    ]
    yield Cleaner(*clients)
    for client in clients:
        client.close()
    iam.delete_role_policy(RoleName="cleaner", PolicyName="clean-up")
    iam.delete_role(RoleName="cleaner")


def test_a_role_cleans_up_after_its_domain_and_no_other(left: Home, cleaner: Cleaner, stranger: Home) -> None:
    targets = cleaner.efs.describe_mount_targets(FileSystemId=left.file_system)["MountTargets"]
    by_id = cleaner.efs.describe_mount_targets(MountTargetId=targets[0]["MountTargetId"])["MountTargets"]
    assert (len(targets), by_id) == (2, targets[:1])
    for target in targets:
        cleaner.efs.delete_mount_target(MountTargetId=target["MountTargetId"])
    assert cleaner.efs.describe_file_systems(FileSystemId=left.file_system)["FileSystems"]
    cleaner.efs.delete_file_system(FileSystemId=left.file_system)
    left.network.remove_groups(cleaner.ec2)

    theirs = stranger.network.targets(stranger.file_system)[0]["MountTargetId"]
    group = stranger.network.groups()["inbound"]
    revoked = {"GroupId": group["GroupId"], "IpPermissions": group["IpPermissions"]}
    refused = []
    for call, request in (
        (cleaner.efs.describe_file_systems, {}),
        (cleaner.efs.describe_file_systems, {"FileSystemId": stranger.file_system}),
        (cleaner.efs.describe_mount_targets, {"FileSystemId": stranger.file_system}),
        (cleaner.efs.describe_mount_targets, {"MountTargetId": theirs}),
        (cleaner.efs.delete_mount_target, {"MountTargetId": theirs}),
        (cleaner.efs.delete_file_system, {"FileSystemId": stranger.file_system}),
        (cleaner.ec2.revoke_security_group_ingress, revoked),
        (cleaner.ec2.delete_security_group, {"GroupId": group["GroupId"]}),
    ):
        with pytest.raises(ClientError) as error:
            call(**request)
        refused.append(code(error))
    assert refused == ["AccessDeniedException"] * 6 + ["UnauthorizedOperation"] * 2


def test_deleting_a_mount_target_takes_its_network_interface(deployed: Deployed, left: Home, cleaner: Cleaner) -> None:
    less = policy(left)
    less["Statement"].pop()
    deployed.client("iam").put_role_policy(RoleName="cleaner", PolicyName="clean-up", PolicyDocument=json.dumps(less))
    target = left.network.targets(left.file_system)[0]["MountTargetId"]
    with pytest.raises(ClientError, match="not authorized to perform: ec2:DeleteNetworkInterface") as error:
        cleaner.efs.delete_mount_target(MountTargetId=target)
    assert code(error) == "AccessDeniedException"
    for each in left.network.targets(left.file_system):
        left.network.efs.delete_mount_target(MountTargetId=each["MountTargetId"])
    left.network.efs.delete_file_system(FileSystemId=left.file_system)


# --- CloudFormation ---------------------------------------------------------------------------------------------

TEMPLATE = {
    "Resources": {
        "Vpc": {"Type": "AWS::EC2::VPC", "Properties": {"CidrBlock": "10.78.0.0/16"}},
        "Subnet": {"Type": "AWS::EC2::Subnet", "Properties": {"VpcId": {"Ref": "Vpc"}, "CidrBlock": "10.78.0.0/24"}},
        "Group": {
            "Type": "AWS::EC2::SecurityGroup",
            "Properties": {"VpcId": {"Ref": "Vpc"}, "GroupDescription": "in use"},
        },
        "Bucket": {"Type": "AWS::S3::Bucket"},
        "Registry": {
            "Type": "AWS::SageMaker::ModelPackageGroup",
            "Properties": {"ModelPackageGroupName": "registry", "Tags": [{"Key": "project", "Value": "other"}]},
        },
        "Domain": {
            "Type": "AWS::SageMaker::Domain",
            "Properties": {
                "DomainName": "gone",
                "VpcId": {"Ref": "Vpc"},
                "SubnetIds": [{"Ref": "Subnet"}],
                "HomeEfsFileSystemCreation": "Disabled",
                **DOMAIN,
            },
        },
    },
    "Outputs": {name: {"Value": {"Ref": name}} for name in ("Subnet", "Group", "Bucket", "Registry", "Domain")},
}


@dataclass(frozen=True)
class Stack:
    cloudformation: Any
    id: str
    outputs: dict[str, str]

    def describe(self) -> dict[str, Any]:
        described: dict[str, Any] = self.cloudformation.describe_stacks(StackName=self.id)["Stacks"][0]
        return described

    def delete(self) -> str:
        """Its status, once the deletion is over."""
        self.cloudformation.delete_stack(StackName=self.id)
        wait_until(lambda: self.describe()["StackStatus"] != "DELETE_IN_PROGRESS", "the stack's deletion is over")
        return str(self.describe()["StackStatus"])

    def reasons(self) -> dict[str, str]:
        """Why each resource could not be deleted."""
        events = self.cloudformation.describe_stack_events(StackName=self.id)["StackEvents"]
        failed = [event for event in events if event["ResourceStatus"] == "DELETE_FAILED"]
        return {event["LogicalResourceId"]: event["ResourceStatusReason"] for event in failed}


@pytest.fixture
def stack(deployed: Deployed) -> Stack:
    cloudformation = deployed.client("cloudformation")
    id_ = cloudformation.create_stack(StackName="in-use", TemplateBody=json.dumps(TEMPLATE))["StackId"]
    stack = Stack(cloudformation, id_, {})
    wait_until(lambda: stack.describe()["StackStatus"] == "CREATE_COMPLETE", "the stack is created")
    outputs = {output["OutputKey"]: output["OutputValue"] for output in stack.describe()["Outputs"]}
    return Stack(cloudformation, id_, outputs)


def test_a_stack_stays_while_its_resources_are_in_use(deployed: Deployed, stack: Stack) -> None:
    ec2, s3, sagemaker = (deployed.client(service) for service in ("ec2", "s3", "sagemaker"))
    interface = ec2.create_network_interface(SubnetId=stack.outputs["Subnet"], Groups=[stack.outputs["Group"]])
    s3.put_object(Bucket=stack.outputs["Bucket"], Key="forgotten", Body=b"")
    container = {"Image": IMAGE, "ModelDataUrl": "s3://bucket/model.tar.gz"}
    package = sagemaker.create_model_package(
        ModelPackageGroupName="registry", InferenceSpecification={"Containers": [container]}
    )["ModelPackageArn"]
    assert deployed.tags(stack.outputs["Registry"]) == {"project": "other"}
    # Somebody has deleted it by hand: CloudFormation takes that for done.
    sagemaker.delete_domain(DomainId=stack.outputs["Domain"])
    wait_until(lambda: "gone" not in domains(sagemaker), "the domain is gone")

    assert stack.delete() == "DELETE_FAILED"
    reasons = stack.reasons()
    assert set(reasons) == {"in-use", "Vpc", "Subnet", "Group", "Bucket", "Registry"}
    assert all("DependencyViolation" in reasons[name] for name in ("Subnet", "Group"))
    assert "BucketNotEmpty" in reasons["Bucket"]
    assert "still has model packages" in reasons["Registry"]

    ec2.delete_network_interface(NetworkInterfaceId=interface["NetworkInterface"]["NetworkInterfaceId"])
    s3.delete_object(Bucket=stack.outputs["Bucket"], Key="forgotten")
    sagemaker.delete_model_package(ModelPackageName=package)
    sagemaker.delete_model_package_group(ModelPackageGroupName="registry")
    assert stack.delete() == "DELETE_COMPLETE"
