"""Lambda: the names of functions' errors, the lines of their loggers, and the metrics of their invocations."""

import re
import time
from collections.abc import Callable
from typing import Any

from ministack.core import lambda_runtime
from ministack.services import cloudwatch, cloudwatch_logs, lambda_svc

from localcloud.ministack_adapter.callers import SignedCaller, current_account, current_region, role_credentials
from localcloud.ministack_adapter.internals import MinistackChanged, State, Used, replace
from localcloud.sagemaker.errors import AccessDenied, ValidationError

USED: Used = (
    (cloudwatch, ("record_metric",)),
    (cloudwatch_logs, ("_log_groups",)),
    (lambda_runtime, ("_PYTHON_WORKER_SCRIPT",)),
    (lambda_svc, ("_emit_lambda_logs", "_emit_lambda_metrics", "_execute_function_dispatch", "_execute_function_warm")),
)

_LOGGING = """
import logging, sys, time

class _RequestId(logging.Filter):
    aws_request_id = ""

    def filter(self, record):
        record.aws_request_id = self.aws_request_id
        return True

logging.Formatter.converter = time.gmtime
_handler = logging.StreamHandler(sys.stderr)
_handler.setFormatter(
    logging.Formatter(
        "[%(levelname)s]\\t%(asctime)s.%(msecs)03dZ\\t%(aws_request_id)s\\t%(message)s", "%Y-%m-%dT%H:%M:%S"
    )
)
_handler.addFilter(_RequestId())
logging.getLogger().addHandler(_handler)
"""
"""What the Python runtime does before it imports a handler (its Runtime Interface Client, bootstrap.py)."""

_INVOCATION = '_ms_ctx = _ms_msg.get("ctx") or {}\n'
"""Where ministack's worker has got to know about an invocation."""


def name_errors_as_lambda_does() -> None:
    """Answer with the exception's class name as errorType; ministack's worker says Runtime.HandlerError for all."""
    original = lambda_svc._execute_function_warm

    def execute(func: dict[str, Any], event: Any, request_id: str) -> dict[str, Any]:
        result: dict[str, Any] = original(func, event, request_id)
        body = result.get("body")
        if result.get("error") and isinstance(body, dict) and body.get("errorType") == "Runtime.HandlerError":
            body["errorType"] = _exception_name(result.get("log", ""), body["errorMessage"]) or body["errorType"]
        return result

    replace(lambda_svc, "_execute_function_warm", execute)


def write_logs_only_where_the_role_may() -> None:
    """What a function logs is written as its role, which may make a log group that is gone only with
    logs:CreateLogGroup; ministack writes in any case, such as the last lines of a function whose stack goes."""
    original: Callable[..., None] = lambda_svc._emit_lambda_logs

    def emit(func: State, *given: Any, **named: Any) -> None:
        config: State = func.get("config") or func
        usual = f"/aws/lambda/{config['FunctionName']}"
        group = (config.get("LoggingConfig") or {}).get("LogGroup") or usual
        if _may_write(group, config["Role"]):
            original(func, *given, **named)

    replace(lambda_svc, "_emit_lambda_logs", emit)


def _may_write(group: str, role_arn: str) -> bool:
    account, region = current_account(), current_region()
    missing = group not in cloudwatch_logs._log_groups
    actions = [*(["CreateLogGroup"] if missing else []), "CreateLogStream", "PutLogEvents"]
    try:
        credentials = role_credentials(role_arn, "lambda.amazonaws.com", "logs")
        caller = SignedCaller(credentials["AWS_ACCESS_KEY_ID"], account, region)
        for action in actions:
            caller.authorize(f"logs:{action}", f"arn:aws:logs:{region}:{account}:log-group:{group}:log-stream:", {})
    except (AccessDenied, ValidationError):  # the role may be gone, too
        return False
    return True


def log_as_the_python_runtime_does() -> None:
    """Give functions the root logger's handler that Lambda's Python runtime gives them: without it, lines below WARNING
    go nowhere, and the others without level, time and request."""
    script: str = lambda_runtime._PYTHON_WORKER_SCRIPT
    if _INVOCATION not in script:
        raise MinistackChanged("ministack's Python worker no longer reads an invocation's context as it did.")
    of_request = f'{_INVOCATION}        _RequestId.aws_request_id = _ms_ctx["request_id"]\n'
    replace(lambda_runtime, "_PYTHON_WORKER_SCRIPT", _LOGGING + script.replace(_INVOCATION, of_request))


def measure_every_invocation() -> None:
    """Put the metrics of each time that a function runs. ministack leaves out EventBridge's and the other services'
    invocations, and the errors and retries of asynchronous ones; who is throttled it counts as invoked."""
    emit: Callable[..., None] = lambda_svc._emit_lambda_metrics
    original: Callable[..., State] = lambda_svc._execute_function_dispatch

    def dispatch(func: State, config: State, event: Any, request_id: str, started: float) -> State:
        result = original(func, config, event, request_id, started)
        duration = (time.time() - started) * 1000
        emit(config["FunctionName"], duration, error=bool(result.get("error")), throttle=False)
        return result

    def emit_throttle(name: str, duration_ms: float, *, error: bool, throttle: bool) -> None:
        # ministack tells of a throttled invocation twice, the second time with a duration.
        if throttle and not duration_ms:
            cloudwatch.record_metric("AWS/Lambda", "Throttles", 1, "Count", {"FunctionName": name})

    replace(lambda_svc, "_execute_function_dispatch", dispatch)
    replace(lambda_svc, "_emit_lambda_metrics", emit_throttle)


def _exception_name(log: str, message: str) -> str | None:
    """The class in a trace-back's last entry, `package.module.Class: message`."""
    head = log.rstrip().removesuffix(message.rstrip()).rstrip().removesuffix(":")
    match = re.search(r"([A-Za-z_][\w.]*)$", head)
    return match.group(1).rsplit(".", 1)[-1] if match else None
