"""The purge runs first when the stack is deleted, while all else is still there."""

from tests.template.deployment import NESTED, ROOT_STACK, Deployment


def depends_on(deployment: Deployment, name: str) -> set[str]:
    return set(deployment.templates[ROOT_STACK]["Resources"][name].get("DependsOn", []))


def test_the_purges_stack_is_made_last_and_so_deleted_first(deployment: Deployment) -> None:
    nested = {resource.name for resource in deployment.all(NESTED)}
    (teardown,) = (name for name in nested if name.startswith("Teardown"))

    assert depends_on(deployment, teardown) == nested - {teardown}
    assert all(teardown not in depends_on(deployment, other) for other in nested)


def test_deleting_the_stack_calls_the_purge(deployment: Deployment) -> None:
    purge = deployment.one("Custom::Purge")
    function = deployment.named("AWS::Lambda::Function", "Purge")

    assert deployment.resolve(purge.properties["ServiceToken"], purge.stack) == function.attribute("Arn")


def test_the_purge_keeps_its_permissions_until_it_is_done(deployment: Deployment) -> None:
    function = deployment.named("AWS::Lambda::Function", "Purge")

    # CloudFormation deletes the function, which the custom resource needs, before what it depends on.
    policy = deployment.named("AWS::IAM::Policy", "PurgeRole")
    assert policy.name in function.body["DependsOn"]


def test_the_purge_is_told_the_project_and_the_bucket(deployment: Deployment) -> None:
    function = deployment.named("AWS::Lambda::Function", "Purge")
    variables = deployment.resolve(function.properties["Environment"]["Variables"], function.stack)

    assert variables == {"PROJECT": "fraud", "BUCKET": deployment.one("AWS::S3::Bucket").reference}


def test_the_purge_may_empty_the_bucket(deployment: Deployment) -> None:
    statements = deployment.statements_of(deployment.named("AWS::IAM::Role", "PurgeRole"))
    bucket = deployment.one("AWS::S3::Bucket").attribute("Arn")

    assert any(statement.allows("s3:ListBucket", bucket) for statement in statements)
    assert any(statement.allows("s3:DeleteObject", f"{bucket}/runs/1/train/train.csv") for statement in statements)
