"""What roles may do with the objects of a bucket: the calls that they make; the CDK's grants allow more."""

from aws_cdk import aws_iam as iam
from aws_cdk import aws_s3 as s3


def allow_reading(grantee: iam.IGrantable, bucket: s3.IBucket, *keys: str) -> None:
    _allow(grantee, ["s3:GetObject"], [bucket.arn_for_objects(key) for key in keys])


def allow_writing(grantee: iam.IGrantable, bucket: s3.IBucket, *keys: str) -> None:
    _allow(grantee, ["s3:PutObject"], [bucket.arn_for_objects(key) for key in keys])


def allow_writing_in_parts(grantee: iam.IGrantable, bucket: s3.IBucket, *keys: str) -> None:
    """Files so large that they are sent in parts: what breaks off in the middle has to be taken back."""
    _allow(grantee, ["s3:PutObject", "s3:AbortMultipartUpload"], [bucket.arn_for_objects(key) for key in keys])


def allow_copying(grantee: iam.IGrantable, bucket: s3.IBucket, source: str, target: str) -> None:
    """A copy takes the tags along, if there are any (aws-facts 14.2)."""
    _allow(grantee, ["s3:GetObject", "s3:GetObjectTagging"], [bucket.arn_for_objects(source)])
    _allow(grantee, ["s3:PutObject", "s3:PutObjectTagging"], [bucket.arn_for_objects(target)])


def allow_deleting(grantee: iam.IGrantable, bucket: s3.IBucket, *keys: str) -> None:
    _allow(grantee, ["s3:DeleteObject"], [bucket.arn_for_objects(key) for key in keys])


def allow_listing(grantee: iam.IGrantable, bucket: s3.IBucket) -> None:
    """Without it S3 doesn't tell that an object is missing either: it denies access (aws-facts 14.1)."""
    _allow(grantee, ["s3:ListBucket"], [bucket.bucket_arn])


def allow_emptying(grantee: iam.IGrantable, bucket: s3.IBucket) -> None:
    """All objects, in all their versions."""
    _allow(grantee, ["s3:ListBucketVersions"], [bucket.bucket_arn])
    _allow(grantee, ["s3:DeleteObject", "s3:DeleteObjectVersion"], [bucket.arn_for_objects("*")])


def _allow(grantee: iam.IGrantable, actions: list[str], resources: list[str]) -> None:
    iam.Grant.add_to_principal(grantee=grantee, actions=actions, resource_arns=resources)
