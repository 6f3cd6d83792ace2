"""Every touch of ministack's internals, in one place.

ministack is pinned to the exact version; when an upgrade moves what is used here, `check` says so by name.
"""

from types import ModuleType

from localcloud.ministack_adapter import (
    alarms,
    callers,
    cloudformation,
    clouds_time,
    decisions,
    event_targets,
    functions,
    networks,
    permissions,
    sagemaker_platform,
    services,
    serving,
    signatures,
    step_functions,
)
from localcloud.ministack_adapter.callers import (
    ServiceCaller,
    SignedCaller,
    current_account,
    current_region,
    role_credentials,
    signed_caller,
)
from localcloud.ministack_adapter.cloudformation import register_resource_type
from localcloud.ministack_adapter.clouds_time import advance_clock
from localcloud.ministack_adapter.decisions import record_decisions
from localcloud.ministack_adapter.internals import HttpResponse, MinistackChanged
from localcloud.ministack_adapter.sagemaker_platform import MinistackPlatform
from localcloud.ministack_adapter.services import (
    inventory,
    publish_public_layer,
    register_public_parameter,
    register_service,
)
from localcloud.ministack_adapter.serving import main
from localcloud.ministack_adapter.step_functions import (
    Execution,
    TaskError,
    current_execution,
    current_state,
    end_execution,
    register_tasks,
)

__all__ = [
    "PARTS",
    "Execution",
    "HttpResponse",
    "MinistackChanged",
    "MinistackPlatform",
    "ServiceCaller",
    "SignedCaller",
    "TaskError",
    "adapt",
    "advance_clock",
    "check",
    "current_account",
    "current_execution",
    "current_region",
    "current_state",
    "end_execution",
    "inventory",
    "main",
    "publish_public_layer",
    "record_decisions",
    "register_public_parameter",
    "register_resource_type",
    "register_service",
    "register_tasks",
    "role_credentials",
    "signed_caller",
]

PARTS: tuple[ModuleType, ...] = (
    alarms,
    callers,
    cloudformation,
    clouds_time,
    decisions,
    event_targets,
    functions,
    networks,
    permissions,
    sagemaker_platform,
    services,
    serving,
    signatures,
    step_functions,
)
"""Those that touch ministack; what, each says in `USED`."""


def check() -> None:
    """Raise MinistackChanged, naming what is gone, unless everything used here is still there."""
    used = {(module, name): None for part in PARTS for module, names in part.USED for name in names}
    gone = [f"{module.__name__}.{name}" for module, name in used if not hasattr(module, name)]
    if gone:
        raise MinistackChanged(f"ministack no longer has {', '.join(gone)}: mend {__name__} before upgrading it.")


def adapt() -> None:
    """Let ministack behave as AWS does, where of itself it doesn't; before anything is registered with it."""
    serving.serve_on_one_port()
    callers.register_sessions_one_at_a_time()
    clouds_time.keep_the_clouds_time()
    alarms.ask_topics_for_alarms()
    alarms.evaluate_alarms_by_the_clock()
    permissions.ask_for_log_streams()
    permissions.ask_for_file_systems()
    permissions.ask_for_network_interfaces()
    permissions.tell_that_an_object_is_missing_to_who_may_list()
    permissions.tell_the_vpc_of_security_groups()
    networks.refuse_to_delete_networks_in_use()
    cloudformation.delete_resources_as_their_services_do()
    cloudformation.delete_stacks_as_cloudformation_does()
    cloudformation.update_nested_stacks_knowing_what_stays()
    step_functions.record_states_of_branches()
    event_targets.start_executions_as_the_targets_role()
    signatures.refuse_signature_version_2()
    functions.name_errors_as_lambda_does()
    functions.write_logs_only_where_the_role_may()
    functions.log_as_the_python_runtime_does()
    functions.measure_every_invocation()
