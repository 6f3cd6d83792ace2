"""The machine gone through, state by state, without a cloud: its expressions are evaluated, its tasks answered here."""

import io
import json
import tarfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from typing import Any

from lambdas.evaluate.evaluation import evaluate as evaluate_model
from lambdas.evaluate.request import Request
from tests.template.deployment import ACCOUNT, REGION
from tests.template.execution_inputs import Started
from tests.template.machine import Machine, State, evaluate


class TaskFailed(Exception):
    """A state's error, as Step Functions tells it."""

    def __init__(self, error: str, cause: str = "") -> None:
        super().__init__(f"{error}: {cause}")
        self.output = {"Error": error, "Cause": cause}


@dataclass(frozen=True)
class Step:
    """What a state got, sent and left; `before` are the variables as they were, without `$states`."""

    state: State
    input: Any
    before: Mapping[str, Any]
    arguments: Any = None
    assigned: Mapping[str, Any] = field(default_factory=dict)
    output: Any = None
    next: str | None = None


@dataclass(frozen=True)
class Journey:
    """From start to end; `failure` is None where the execution succeeded with `output`."""

    steps: Sequence[Step]
    output: Any
    failure: Mapping[str, str] | None

    @property
    def states(self) -> list[str]:
        return [step.state.name for step in self.steps]

    @property
    def tasks(self) -> list[Step]:
        """Those that were answered."""
        return [step for step in self.steps if step.arguments is not None]


Answer = Callable[[State, Any], Any]
"""What a task comes to, by its state and its arguments. Raises TaskFailed."""


def walk(machine: Machine, started: Started, answer: Answer, *, retries: int = 0) -> Journey:
    """`retries` is how often each task has been tried before. Raises Nothing where an expression comes to nothing."""
    walker = _Walker(answer, {**started.context, "State": {"RetryCount": retries}})
    try:
        output = walker.go(machine.definition, started.input, {})
    except TaskFailed as failure:
        return Journey(walker.steps, None, failure.output)
    return Journey(walker.steps, output, None)


class _Walker:
    def __init__(self, answer: Answer, context: Mapping[str, Any]) -> None:
        self.steps: list[Step] = []
        self._answer = answer
        self._context = context

    def go(self, level: Mapping[str, Any], given: Any, variables: dict[str, Any]) -> Any:
        """The output of a machine, or of a branch. A branch sees the variables around it, and leaves none there."""
        name: str | None = level["StartAt"]
        while name is not None:
            state = State(name, level["States"][name])
            before = dict(variables)
            try:
                step = self._step(state, given, before)
            except TaskFailed as failure:
                step = self._caught(state, given, before, failure)
            self.steps.append(step)
            variables |= step.assigned
            given, name = step.output, step.next
        return given

    def _step(self, state: State, given: Any, before: Mapping[str, Any]) -> Step:
        scope = self._scope(before, input=given)
        if state.type == "Fail":
            self.steps.append(Step(state, given, before))
            raise TaskFailed(evaluate(state.body["Error"], scope), evaluate(state.body["Cause"], scope))
        arguments, result = None, given
        if state.type == "Task":
            arguments = evaluate(state.body["Arguments"], scope)
            result = self._answer(state, arguments)
        elif state.type == "Parallel":
            result = [self.go(branch, given, dict(before)) for branch in state.body["Branches"]]
        after = self._scope(before, input=given, result=result)
        return Step(
            state,
            given,
            before,
            arguments,
            assigned=evaluate(state.body.get("Assign", {}), after),
            output=evaluate(state.body["Output"], after) if "Output" in state.body else result,
            next=_choose(state, scope) if state.type == "Choice" else state.body.get("Next"),
        )

    def _caught(self, state: State, given: Any, before: Mapping[str, Any], failure: TaskFailed) -> Step:
        """Every catch of the machine is one of everything (tests/template/test_machine.py)."""
        if "Catch" not in state.body:
            raise failure
        (catch,) = state.body["Catch"]
        scope = self._scope(before, input=given, errorOutput=failure.output)
        assigned = evaluate(catch.get("Assign", {}), scope)
        return Step(state, given, before, assigned=assigned, output=failure.output, next=catch["Next"])

    def _scope(self, variables: Mapping[str, Any], **states: Any) -> dict[str, Any]:
        return {**variables, "states": {"context": self._context, **states}}


def _choose(choice: State, scope: Mapping[str, Any]) -> str:
    for rule in choice.body["Choices"]:
        wanted = evaluate(rule["Condition"], scope)
        if not isinstance(wanted, bool):
            raise TypeError(f"{choice.name}: {rule['Condition']} is {wanted!r}, neither true nor false")
        if wanted:
            return str(rule["Next"])
    return str(choice.body["Default"])


# --- what services and functions answer ------------------------------------------------------------------------


@dataclass(frozen=True)
class Answers:
    """A run that goes well, unless told otherwise."""

    started: Started
    source: str = "trained"
    """Where the chosen model comes from."""
    passed: bool = True
    statuses: Sequence[str] = ("InService",)
    """The endpoint's, look by look; the last one again and again."""
    failing: Mapping[str, TaskFailed] = field(default_factory=dict)
    """By state."""
    looked: list[str] = field(default_factory=list)

    def __call__(self, state: State, arguments: Any) -> Any:
        if state.name in self.failing:
            raise self.failing[state.name]
        if state.is_function:
            payload = json.loads(json.dumps(self._function(state.name)))
            return {"ExecutedVersion": "$LATEST", "Payload": payload, "StatusCode": 200}
        return self._service(state.operation, arguments)

    def _function(self, name: str) -> Any:
        place = f"s3://{self.started.project}-data-bucket/runs/261123-164105-8f14e4/"
        match name:
            case "Plan the run":
                return self.started.plan
            case "Prepare the data":
                return PREPARED
            case "Evaluate":
                evaluation = evaluated()
                chosen = {**evaluation["chosen"], "source": self.source}
                return {**evaluation, "chosen": chosen, "passed": self.passed}
            case "Write the report":
                return {"report": f"{place}report.html", "report_url": f"https://signed.example/{'s' * 2000}"}
        return {"removed": []}

    def _service(self, operation: str, arguments: Any) -> dict[str, Any]:
        """What states read of an answer, and of a job what it was asked for, which its description repeats."""
        match operation:
            case "CreateTrainingJob":
                name, place = arguments["TrainingJobName"], arguments["OutputDataConfig"]["S3OutputPath"]
                artifact = f"{place}{name}/output/model.tar.gz"
                return {**arguments, "ModelArtifacts": {"S3ModelArtifacts": artifact}}
            case "CreateHyperParameterTuningJob":
                return dict(arguments)
            case "DescribeEndpoint":
                return self._look()
        names = {
            "CreateEndpoint": ("EndpointArn", "endpoint", "EndpointName"),
            "CreateModelPackage": ("ModelPackageArn", "model-package", "ModelPackageGroupName"),
        }
        member, kind, name = names.get(operation, ("", "", ""))
        return {member: arn(kind, arguments[name])} if member else {}

    def _look(self) -> dict[str, Any]:
        status = self.statuses[min(len(self.looked), len(self.statuses) - 1)]
        self.looked.append(status)
        return {"EndpointStatus": status} | ({"FailureReason": "no answer"} if status == "Failed" else {})


def arn(kind: str, name: str) -> str:
    return f"arn:aws:sagemaker:{REGION}:{ACCOUNT}:{kind}/{name}"


PREPARED = {
    "sha256": "0" * 64,
    "rows": {"train": 199365, "validation": 42721, "test": 42721},
    "positives": {"train": 345, "validation": 74, "test": 73},
    "features": 30,
    "amount_column": "Amount",
    "amount_feature": 29,
    "duplicates": 1081,
    "registered": None,
}
"""lambdas/prepare's answer on the lesson's data set."""


@cache
def evaluated() -> dict[str, Any]:
    """What lambdas/evaluate answers where it has most to tell: amounts, costs, and every objective."""
    metrics = ("recall", "precision", "f1", "recall_at_0.5", "precision_at_0.5", "f1_at_0.5", "roc_auc")
    request = Request.read(
        {
            "run_id": "261123-164105-8f14e4",
            "bucket": "fraud-data-bucket",
            "prefix": "",
            "endpoint_name": "fraud-261123-164105-8f14e4",
            "choose_job": "choice",
            "objective": {name: {"minimum": 0.9, "lower_bound": True} for name in (*metrics, "average_precision")}
            | {"money_saved": {"minimum": 1, "lower_bound": False}},
            "costs": {"missed_fraud": "amount", "false_alarm": 5},
        }
    )
    return evaluate_model(request, _Run(), _Endpoint())


class _Run:
    """What the earlier states of a run leave in the bucket: 400 rows, whose first feature is what the model answers."""

    def read(self, bucket: str, key: str) -> bytes:
        match key.rpartition("/")[2]:
            case "test.csv":
                rows = (f"{int(row % 40 == 0)},{row % 97 / 97},{row}.5\n" for row in range(400))
                return "".join(rows).encode()
            case "data_report.json":
                return json.dumps({"features": ["score", "Amount"], "amount_column": "Amount"}).encode()
        return _packed("choice.json", json.dumps(_CHOICE))

    def write(self, bucket: str, key: str, content: str, content_type: str) -> None: ...


class _Endpoint:
    name = "fraud-261123-164105-8f14e4"

    def invoke(self, csv: str) -> str:
        return "\n".join(row.partition(",")[0] for row in csv.splitlines())


_CHOICE = {
    "candidates": [],
    "chosen": {"job_name": "fraud-261123-164105-8f14e4-0", "source": "trained", "average_precision": 0.8512345678901},
    "trained": {"average_precision": 0.8512345678901},
    "threshold": {"value": 0.71234567, "objective": "best_f1", "reached": True},
}


def _packed(name: str, text: str) -> bytes:
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w:gz") as files:
        member = tarfile.TarInfo(name)
        member.size = len(text)
        files.addfile(member, io.BytesIO(text.encode()))
    return packed.getvalue()


# --- every way through it ---------------------------------------------------------------------------------------


def ways(inputs: Mapping[str, Mapping[str, Any]]) -> Iterator[tuple[str, Answers]]:
    """One for each end that the machine has, and for each input."""
    for name, execution_input in inputs.items():
        yield name, Answers(Started(execution_input))
    plain = Started({})
    competing = Started({"candidates": {"registered": True}})
    yield "the registered model is the better", Answers(competing, source="registered")
    yield "the objective is missed", Answers(plain, passed=False)
    yield "the endpoint takes a while", Answers(plain, statuses=("Creating", "InService"))
    yield "the endpoint fails", Answers(plain, statuses=("Creating", "Failed"))
    yield "the endpoint never serves", Answers(plain, statuses=("Creating",))
    yield "the plan is refused", Answers(plain, failing={"Plan the run": TaskFailed("InvalidInput", "{}")})
    yield "the removal fails", Answers(plain, passed=False, failing={"Remove what the run made": TaskFailed("E")})
