"""What pulling an image from ECR takes."""

from aws_cdk import aws_iam as iam


def allow_pulling(role: iam.Role, repository_arn: str) -> None:
    """For repositories that are not the stack's own, and so have no grants in the CDK."""
    role.add_to_policy(
        iam.PolicyStatement(
            actions=["ecr:BatchCheckLayerAvailability", "ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer"],
            resources=[repository_arn],
        )
    )
    role.add_to_policy(
        iam.PolicyStatement(
            actions=["ecr:GetAuthorizationToken"],
            resources=["*"],  # the action has no resource level
        )
    )
