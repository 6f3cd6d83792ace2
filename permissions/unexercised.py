"""What no run here uses, though AWS asks for it, or the CDK gives it along: each with its reason."""

from permissions.verdict import Unexercised

_PULLING = (
    *("ecr:GetAuthorizationToken", "ecr:BatchCheckLayerAvailability"),
    *("ecr:GetDownloadUrlForLayer", "ecr:BatchGetImage"),
)
_NOT_PULLED = "here images are not pulled: AWS's policy for execution roles has it (aws-facts 1.3)"
_GROUPS = "CloudWatch Logs names a group's streams, too, when it asks for a group; here it does not (aws-facts 14.3)"
_BREAKS_OFF = "only an upload in parts that breaks off needs it, and the network here doesn't break"
_TAGGED = "only what bears tags needs it, such as a scanner's, and nothing does here (aws-facts 14.2)"

UNEXERCISED = (
    Unexercised("Data/ExecutionRole", _PULLING, _NOT_PULLED),
    Unexercised("Studio/ImageRole", _PULLING, _NOT_PULLED),
    Unexercised(
        "Data/ExecutionRole",
        ("cloudwatch:PutMetricData", "logs:DescribeLogStreams"),
        "containers write metrics and look for their streams on AWS alone: its policy for execution roles has both "
        "(aws-facts 1.3)",
    ),
    Unexercised(
        "Pipeline/MachineRole",
        ("events:PutTargets", "events:PutRule", "events:DescribeRule"),
        "Step Functions makes rules to hear of the ends of jobs; here it looks at the jobs (aws-facts 1.2)",
    ),
    Unexercised(
        "Pipeline/MachineRole",
        ("sagemaker:ListTags",),
        "AWS's policy for .sync has it, without saying what for (aws-facts 1.2)",
    ),
    Unexercised(
        "Pipeline/MachineRole",
        (
            *("logs:CreateLogDelivery", "logs:GetLogDelivery", "logs:UpdateLogDelivery", "logs:DeleteLogDelivery"),
            *("logs:ListLogDeliveries", "logs:PutResourcePolicy", "logs:DescribeResourcePolicies"),
            "logs:DescribeLogGroups",
        ),
        "Step Functions sets up the delivery of its log as this role; here it writes none (AWS's guide has them all)",
    ),
    Unexercised(
        "Pipeline/MachineRole",
        ("lambda:InvokeFunction",),
        "the CDK's task lets the versions of its function be called, too",
        ("<Pipeline/*.Arn>:[*]",),
    ),
    Unexercised(
        "Pipeline/MachineRole",
        ("sagemaker:CreateModelPackage",),
        "AWS lists the group among what CreateModelPackage is asked for (aws-facts 11.6)",
        ("*:model-package-group/fraud-models",),
    ),
    Unexercised("Data/ExecutionRole", ("s3:AbortMultipartUpload",), _BREAKS_OFF),
    Unexercised("Pipeline/PrepareRole", ("s3:AbortMultipartUpload",), _BREAKS_OFF),
    Unexercised("Studio/ProfiledatascientistRole", ("s3:AbortMultipartUpload",), _BREAKS_OFF),
    Unexercised("Pipeline/PlanRole", ("s3:GetObjectTagging", "s3:PutObjectTagging"), _TAGGED),
    Unexercised(
        "Teardown/PurgeRole",
        ("sagemaker:DeleteModelPackage",),
        "here a version's tags, which are its group's, let it go already; whether they do on AWS was not found",
        ("*:model-package/fraud-models/[*]",),
    ),
    Unexercised(
        "Teardown/PurgeRole",
        ("sagemaker:StopProcessingJob", "sagemaker:DeleteProcessingJob"),
        "the local cloud runs no processing jobs; people may have started some with the project's tag",
    ),
    Unexercised(
        "Teardown/PurgeRole",
        ("sagemaker:StopTransformJob",),
        "here a transform job is over before it could be stopped",
    ),
    Unexercised(
        "Teardown/PurgeRole",
        ("sagemaker:ListTags", "sagemaker:StopProcessingJob"),
        "there are no such jobs when the stack is destroyed here",
        ("*:processing-job/[*]", "*:transform-job/[*]"),
    ),
    Unexercised(
        "Teardown/PurgeRole",
        ("logs:DeleteLogGroup", "logs:DescribeLogStreams"),
        _GROUPS,
        ("*:log-group:/aws/sagemaker/*:[*]",),
    ),
    Unexercised(
        "Studio/ProfiledatascientistRole",
        ("logs:CreateLogGroup", "logs:DescribeLogStreams"),
        _GROUPS,
        ("*:log-group:/aws/sagemaker/*:[*]",),
    ),
    Unexercised(
        "Studio/ProfiledatascientistRole",
        ("sagemaker:CreatePresignedDomainUrl",),
        "it opens Studio's pages, which are not here (aws-facts 5.19)",
    ),
)
