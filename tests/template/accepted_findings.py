"""What linters find and is meant so: for each construct each finding, with the reason.

The reasons stand here, and not in the stacks, since who deploys needs no linter. A finding that is gone has to go from
here, too. Money counts among the reasons: what bills by the hour or the month while nobody works is not made.
"""

from collections.abc import Mapping

from tests.template.findings import Accepted

# --- cfn-lint ---------------------------------------------------------------------------------------------------

_CDK_DEPENDS = (
    "The CDK lets what runs in a role wait for its policy, and for the role with it; saying it twice is idle."
)
_PURGE_FIRST = "The purge has to go first whatever else it refers to, so each of its dependencies is spelt out."
_IDLE_MINUTES = (
    "CloudFormation's documents have it on a user profile, the schema of 2026-10-20 defines it and attaches it nowhere "
    "(aws-facts 5.5); only a profile with idle_minutes of its own has it."
)

CFN_LINT: Accepted = {
    "Pipeline/Evaluate": {"W3005 DependsOn.1": _CDK_DEPENDS},
    "Pipeline/Machine": {"W3005 DependsOn.1": _CDK_DEPENDS},
    "Pipeline/Plan": {"W3005 DependsOn.1": _CDK_DEPENDS},
    "Pipeline/Prepare": {"W3005 DependsOn.1": _CDK_DEPENDS},
    "Pipeline/RemoveRun": {"W3005 DependsOn.1": _CDK_DEPENDS},
    "Pipeline/Report": {"W3005 DependsOn.1": _CDK_DEPENDS},
    "Studio/Image": {"W3005 DependsOn.1": _CDK_DEPENDS},
    "Studio/Profile-ben": {
        "E3002 UserSettings.CodeEditorAppSettings.AppLifecycleManagement": _IDLE_MINUTES,
        "E3002 UserSettings.JupyterLabAppSettings.AppLifecycleManagement": _IDLE_MINUTES,
    },
    "Teardown.NestedStack/Teardown.NestedStackResource": {
        "W3005 DependsOn.0": _PURGE_FIRST,
        "W3005 DependsOn.1": _PURGE_FIRST,
        "W3005 DependsOn.2": _PURGE_FIRST,
    },
    "Teardown/Janitor": {"W3005 DependsOn.1": _CDK_DEPENDS},
    "Teardown/Purge": {"W3005 DependsOn.1": _CDK_DEPENDS},
}

# --- what more than one of them asks for ------------------------------------------------------------------------

_NO_ACCESS_LOG = "It would take a second bucket, which bills, and which nobody here would read."

# --- cdk-nag ----------------------------------------------------------------------------------------------------

_RUNTIME = (
    "Python 3.13 is one that AWS's layer of pandas is made for (aws-facts 7.2), and a newer one would bring nothing."
)
_ERRORS_ONLY = "Each event of each run would be billed; the history of an execution has them all, and shows no less."
_NO_TRACES = "Traces are billed; a run is a chain of states whose times and errors its history has."
_NO_TRAFFIC = "Nothing here sends or takes anything: apps reach the internet through SageMaker's own network."

_NO_LEVEL = (
    "Lists, tokens and metrics have no resource level; test_permissions.py names each action that is allowed so."
)
_OWN_RUNS = "Each run has a folder of its own, which is not known before."
_RAW = "People put their tables here, under names of theirs."
_NAMED = "A run's name is not known before; all that it makes begins with the project's."
_TAGGED = "Whatever its name: what changes it asks for the project's tag."
_IN_THE_DOMAIN = "In the stack's domain alone; the names are given when people open Studio."
_VERSIONS = "A registered model's version is a number that SageMaker gives, in the stack's own group."
_ANY_VERSION = "The CDK's grant on a function is for its versions, too; it has none."
_STREAMS = "SageMaker names the streams in a group that the whole account shares."
_EXECUTIONS = "Executions of the stack's own machine alone; their names are given when they start."

_BUCKET = "<DataBucketArn>"
"""How other stacks know the bucket."""


def _resources(reason: str, *resources: str) -> Mapping[str, str]:
    return {f"IAM5[Resource::{resource}]": reason for resource in resources}


_EVERYTHING = _resources(_NO_LEVEL, "*")

_STUDIO_USER: Mapping[str, str] = {
    **_EVERYTHING,
    **_resources("Users look at all of the project's data.", f"{_BUCKET}/*"),
    **_resources(_RAW, f"{_BUCKET}/raw/*"),
    **_resources(_OWN_RUNS, f"{_BUCKET}/runs/fraud-*/*"),
    **_resources(
        _STREAMS,
        "logs:log-group:/aws/sagemaker/TrainingJobs:*",
        "logs:log-group:/aws/sagemaker/TrainingJobs:log-stream:fraud-*",
        "logs:log-group:/aws/sagemaker/studio:*",
        "logs:log-group:/aws/sagemaker/studio:log-stream:<Domain.DomainId>/*",
    ),
    **_resources(
        _IN_THE_DOMAIN,
        "sagemaker:app/<Domain.DomainId>/*/?ode?ditor/*",
        "sagemaker:app/<Domain.DomainId>/*/?upyter?ab/*",
        "sagemaker:app/<Domain.DomainId>/*",
        "sagemaker:space/<Domain.DomainId>/*",
        "sagemaker:user-profile/<Domain.DomainId>/*",
    ),
    **_resources(_TAGGED, "sagemaker:endpoint-config/*", "sagemaker:endpoint/*", "sagemaker:model/*"),
    **_resources(
        _NAMED,
        "sagemaker:endpoint-config/fraud-*",
        "sagemaker:endpoint/fraud-*",
        "sagemaker:hyper-parameter-tuning-job/fraud-*",
        "sagemaker:model/fraud-*",
        "sagemaker:training-job/fraud-*",
    ),
}

CDK_NAG: Accepted = {
    "Data/Bucket": {"S1": _NO_ACCESS_LOG},
    "Data/ExecutionRole": {
        **_EVERYTHING,
        **_resources(_OWN_RUNS, "<Bucket.Arn>/runs/*/output/*", "<Bucket.Arn>/runs/*"),
        **_resources(_NAMED, "logs:log-group:/aws/sagemaker/Endpoints/fraud-*"),
        **_resources(
            _STREAMS,
            "logs:log-group:/aws/sagemaker/TrainingJobs:*",
            "logs:log-group:/aws/sagemaker/TransformJobs:*",
        ),
    },
    "Pipeline/Evaluate": {"L1": _RUNTIME},
    "Pipeline/EvaluateRole": {
        **_resources(
            _OWN_RUNS, f"{_BUCKET}/runs/*/choice.json", f"{_BUCKET}/runs/*/evaluation.json", f"{_BUCKET}/runs/*"
        ),
        **_resources(_NAMED, "sagemaker:endpoint/fraud-*"),
    },
    "Pipeline/Machine": {"SF1": _ERRORS_ONLY, "SF2": _NO_TRACES},
    "Pipeline/Machine/Role": {
        **_EVERYTHING,
        **_resources(
            _ANY_VERSION,
            *(f"<{function}.Arn>:*" for function in ("Evaluate", "Plan", "Prepare", "RemoveRun", "Report")),
        ),
        **_resources(
            _NAMED,
            "sagemaker:endpoint-config/fraud-*",
            "sagemaker:endpoint/fraud-*",
            "sagemaker:hyper-parameter-tuning-job/fraud-*",
            "sagemaker:model/fraud-*",
            "sagemaker:training-job/fraud-*",
        ),
        **_resources(_VERSIONS, "sagemaker:model-package/fraud-models/*"),
    },
    "Pipeline/Plan": {"L1": _RUNTIME},
    "Pipeline/PlanRole": {
        **_EVERYTHING,
        **_resources(
            _OWN_RUNS,
            f"{_BUCKET}/runs/*/choice/*",
            f"{_BUCKET}/runs/*/code/*",
            f"{_BUCKET}/runs/*/output/registered-model/*",
        ),
        **_resources(_NAMED, "sagemaker:hyper-parameter-tuning-job/fraud-*"),
        **_resources(_VERSIONS, "sagemaker:model-package/fraud-models/*"),
    },
    "Pipeline/Prepare": {"L1": _RUNTIME},
    "Pipeline/PrepareRole": {
        **_resources(_RAW, f"{_BUCKET}/raw/*"),
        **_resources(_OWN_RUNS, f"{_BUCKET}/runs/*/train/*", f"{_BUCKET}/runs/*"),
    },
    "Pipeline/RemoveRun": {"L1": _RUNTIME},
    "Pipeline/RemoveRunRole": {
        **_EVERYTHING,
        **_resources(
            _NAMED,
            "sagemaker:endpoint-config/fraud-*",
            "sagemaker:endpoint/fraud-*",
            "sagemaker:hyper-parameter-tuning-job/fraud-*",
            "sagemaker:model/fraud-*",
            "sagemaker:training-job/fraud-*",
        ),
    },
    "Pipeline/Report": {"L1": _RUNTIME},
    "Pipeline/ReportRole": {
        **_resources(
            _OWN_RUNS,
            f"{_BUCKET}/runs/*/report.html",
            f"{_BUCKET}/runs/*/tuning_history.json",
            f"{_BUCKET}/runs/*",
        ),
        **_resources(_NAMED, "sagemaker:hyper-parameter-tuning-job/fraud-*", "sagemaker:training-job/fraud-*"),
        **_resources(_EXECUTIONS, "states:execution:fraud-pipeline:*"),
    },
    "Studio/Image/Role": _EVERYTHING,
    "Studio/Network": {"VPC7": _NO_TRAFFIC},
    "Studio/Profile-ben/Role": _STUDIO_USER,
    "Studio/Profile-data-scientist/Role": _STUDIO_USER,
    "Teardown/Janitor": {"L1": _RUNTIME},
    "Teardown/JanitorRole": {
        **_EVERYTHING,
        **_resources(
            "What it changes has to bear the project's tag; it looks at others', too, that may serve the project.",
            "sagemaker:endpoint-config/*",
            "sagemaker:endpoint/*",
            "sagemaker:hyper-parameter-tuning-job/*",
            "sagemaker:model/*",
            "sagemaker:training-job/*",
        ),
        **_resources(_EXECUTIONS, "states:execution:<PipelineMachineRef>:*"),
    },
    "Teardown/Purge": {"L1": _RUNTIME},
    "Teardown/PurgeRole": {
        **_EVERYTHING,
        **_resources("A bucket has to be empty before it is deleted.", f"{_BUCKET}/*"),
        **_resources(
            "A condition asks for the stack's own network.", "ec2:network-interface/*", "ec2:security-group/*"
        ),
        **_resources("A condition asks for the domain's tag.", "elasticfilesystem:file-system/*"),
        **_resources(_NAMED, "logs:log-group:/aws/sagemaker/Endpoints/fraud-*"),
        **_resources(
            _STREAMS,
            "logs:log-group:/aws/sagemaker/TrainingJobs:*",
            "logs:log-group:/aws/sagemaker/TrainingJobs:log-stream:fraud-*",
            "logs:log-group:/aws/sagemaker/TransformJobs:*",
            "logs:log-group:/aws/sagemaker/TransformJobs:log-stream:fraud-*",
            "logs:log-group:/aws/sagemaker/studio:*",
            "logs:log-group:/aws/sagemaker/studio:log-stream:<StudioDomainDomainId>/*",
        ),
        **_resources(
            _IN_THE_DOMAIN,
            "sagemaker:app/<StudioDomainDomainId>/*",
            "sagemaker:space/<StudioDomainDomainId>/*",
            "sagemaker:user-profile/<StudioDomainDomainId>/*",
        ),
        **_resources(
            _TAGGED,
            "sagemaker:endpoint-config/*",
            "sagemaker:endpoint/*",
            "sagemaker:hyper-parameter-tuning-job/*",
            "sagemaker:model-package-group/*",
            "sagemaker:model-package/*",
            "sagemaker:model/*",
            "sagemaker:processing-job/*",
            "sagemaker:training-job/*",
            "sagemaker:transform-job/*",
        ),
        **_resources(_VERSIONS, "sagemaker:model-package/fraud-models/*"),
        **_resources(_EXECUTIONS, "states:execution:<PipelineMachineName>:*"),
    },
}

# --- checkov ----------------------------------------------------------------------------------------------------

_NO_VERSIONS = "Each run writes under a name of its own, once; old versions would be kept, and billed, unseen."
_OWN_KEY = "CloudWatch encrypts logs anyway; a key of one's own bills by the month."
_ENVIRONMENT = (
    "It holds names and numbers, no secret, and Lambda encrypts it anyway; a key of one's own bills by the month."
)
_NO_POOL = (
    "What is reserved is taken from the account's pool, of which a new account has so little that the deployment "
    "would be refused (aws-facts 7.1)."
)
_NO_VPC = (
    "It calls AWS's services alone, and has no address of its own; from a network it would need a gateway that bills."
)
_CALLED_BY_STATE = (
    "The state machine waits for its answer and catches its failure; a dead-letter queue is for what nobody awaits."
)

_NOTICES = (
    "Alarms can't publish with AWS's own key, and a key of one's own bills by the month; notices name endpoints, and "
    "hold no data."
)

_STEP: Mapping[str, str] = {"CKV_AWS_115": _NO_POOL, "CKV_AWS_116": _CALLED_BY_STATE, "CKV_AWS_117": _NO_VPC}
_LOGS: Mapping[str, str] = {"CKV_AWS_158": _OWN_KEY}
_VARIABLES: Mapping[str, str] = {"CKV_AWS_173": _ENVIRONMENT}

CHECKOV: Accepted = {
    "Data/Bucket": {"CKV_AWS_18": _NO_ACCESS_LOG, "CKV_AWS_21": _NO_VERSIONS},
    "Pipeline/Evaluate": _STEP,
    "Pipeline/EvaluateLogs": _LOGS,
    "Pipeline/MachineLogs": _LOGS,
    "Pipeline/Plan": {**_STEP, **_VARIABLES},
    "Pipeline/PlanLogs": _LOGS,
    "Pipeline/Prepare": _STEP,
    "Pipeline/PrepareLogs": _LOGS,
    "Pipeline/RemoveRun": {**_STEP, **_VARIABLES},
    "Pipeline/RemoveRunLogs": _LOGS,
    "Pipeline/Report": _STEP,
    "Pipeline/ReportLogs": _LOGS,
    "Studio/Domain": {"CKV_AWS_187": "SageMaker encrypts with AWS's own key; a key of one's own bills by the month."},
    "Teardown/Janitor": {
        "CKV_AWS_115": _NO_POOL,
        "CKV_AWS_116": "A sweep that fails sets off an alarm, and the next one is never far.",
        "CKV_AWS_117": _NO_VPC,
        **_VARIABLES,
    },
    "Teardown/JanitorLogs": _LOGS,
    "Teardown/Notices": {"CKV_AWS_26": _NOTICES},
    "Teardown/Purge": {
        "CKV_AWS_115": _NO_POOL,
        "CKV_AWS_116": "CloudFormation waits for its answer, and without one counts it as failed.",
        "CKV_AWS_117": _NO_VPC,
        **_VARIABLES,
    },
    "Teardown/PurgeLogs": _LOGS,
}
