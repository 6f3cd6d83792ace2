"""Who calls, and as whom services call: the principals of requests, and the roles' temporary credentials."""

import hashlib
import re
import secrets
import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from ministack.core import iam_evaluator, responses, router
from ministack.core.iam_actions import identity_denial_message
from ministack.services import iam, sts

from localcloud.ministack_adapter.internals import Used, replace
from localcloud.sagemaker.errors import AccessDenied, ValidationError
from localcloud.sagemaker.platform import Conditions

USED: Used = (
    (router, ("extract_access_key_id", "extract_region")),
    (responses, ("get_account_id", "get_region")),
    (iam_evaluator, ("enforce", "EvalResult")),
    (iam, ("_roles",)),
    (sts, ("register_session",)),
)


@dataclass(frozen=True)
class SignedCaller:
    """The principal whose signature ministack has checked on the request at hand."""

    access_key_id: str
    account: str
    region: str

    @property
    def is_administrator(self) -> bool:
        """Whose access key is the account's number."""
        return self.access_key_id == self.account

    def authorize(self, action: str, resource: str, conditions: Conditions) -> None:
        service = action.partition(":")[0]
        denied = iam_evaluator.enforce(
            self.access_key_id, action, service, self.region, resource_arn=resource, service_context=dict(conditions)
        )
        if isinstance(denied, iam_evaluator.EvalResult):
            explicit = denied.decision == "Deny"
            raise AccessDenied(identity_denial_message(action, denied.principal_arn, resource, explicit))
        if denied is not None:
            raise AccessDenied(denied.message)


@dataclass(frozen=True)
class ServiceCaller:
    """AWS itself (CloudFormation with its administrator role): may do everything."""

    account: str
    region: str

    def authorize(self, action: str, resource: str, conditions: Conditions) -> None:
        return


def current_account() -> str:
    return str(responses.get_account_id())


def current_region() -> str:
    return str(responses.get_region())


def signed_caller(headers: dict[str, str], query: dict[str, list[str]]) -> SignedCaller:
    return SignedCaller(
        router.extract_access_key_id(headers, query) or "", current_account(), router.extract_region(headers, query)
    )


def register_sessions_one_at_a_time() -> None:
    """Registering one looks through all for those that have expired; two at a time would disturb each other."""
    original: Callable[..., None] = sts.register_session
    lock = threading.Lock()

    def register_session(*given: Any, **named: Any) -> None:
        with lock:
            original(*given, **named)

    replace(sts, "register_session", register_session)


def role_credentials(role_arn: str, service_principal: str, session_name: str) -> dict[str, str]:
    """Temporary credentials of a role, as environment variables, for a service that its trust policy names."""
    account, role_name = role_arn.split(":")[4], role_arn.rsplit("/", 1)[-1]
    role = iam._roles.get_scoped(account, None, role_name)
    if role is None or service_principal not in str(role["AssumeRolePolicyDocument"]):
        raise ValidationError(
            f"Could not assume role {role_arn}. Please ensure that the role exists and allows principal "
            f"'{service_principal}' to assume the role."
        )
    access_key, secret, token = f"ASIA{secrets.token_hex(8).upper()}", secrets.token_hex(20), secrets.token_hex(32)
    session_name = re.sub(r"[^\w+=,.@-]", "-", session_name)[:64]
    sts.register_session(
        access_key,
        {
            "Arn": f"arn:aws:sts::{account}:assumed-role/{role_name}/{session_name}",
            "UserId": f"{hashlib.sha256(role_arn.encode()).hexdigest()[:20].upper()}:{session_name}",
            "SecretAccessKey": secret,
            "SessionToken": token,
        },
    )
    return {"AWS_ACCESS_KEY_ID": access_key, "AWS_SECRET_ACCESS_KEY": secret, "AWS_SESSION_TOKEN": token}
