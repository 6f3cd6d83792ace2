"""The state machine: legible, correct in AWS's own terms, and sure to clear up after itself."""

import json
import re
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import pytest
from jsonata import Jsonata  # type: ignore[import-untyped]

from localcloud.sagemaker.validation import validate
from tests.template.deployment import ACCOUNT, Deployment
from tests.template.execution_inputs import INPUTS, Started
from tests.template.machine import Machine, State, evaluate, expressions
from training_code.thresholds import readable

WAITED_FOR = {"CreateTrainingJob", "CreateHyperParameterTuningJob"}
JOBS = {
    "Train the model": ("TrainingJobName", 63),
    "Tune the model": ("HyperParameterTuningJobName", 32),
    "Choose the model": ("TrainingJobName", 63),
}
"""The states that start a job: where its name stands, and how long AWS lets that be (aws-facts 4.1)."""
JSONPATH_FIELDS = {"InputPath", "OutputPath", "ResultPath", "ResultSelector", "Parameters"}

EXECUTION_ARN = Started({}).arn


def planned(execution_input: object) -> dict[str, Any]:
    """What lambdas/plan answers, and the machine keeps in `$plan`."""
    return Started(execution_input).plan


def at_run_time(execution_input: object) -> dict[str, Any]:
    """The machine's variables once everything has gone well so far."""
    plan = planned(execution_input)
    job = f"{plan['name']}-0"
    prefix = f"s3://fraud-data-bucket/{plan['prefix']}"
    chosen = {"source": "trained", "job_name": job, "average_precision": 0.85}
    return {
        "plan": plan,
        "prepared": {"sha256": "0" * 64, "amount_column": "Amount", "amount_feature": 29},
        "trained_job": job,
        "tuning_job": job if plan["tuning"]["enabled"] else "",
        "choose_job": f"{plan['name']}-choice-0",
        "model_data": f"{prefix}choice/{plan['name']}-choice-0/output/model.tar.gz",
        "evaluation": {
            "passed": True,
            "reason": "",
            "chosen": chosen,
            "threshold": 0.7,
            "average_precision": 0.8,
            "at_threshold": {"recall": 0.8, "precision": 0.9},
        },
        "report": {"report": f"{prefix}report.html", "report_url": "https://signed"},
        "model_package": f"arn:aws:sagemaker:eu-west-1:{ACCOUNT}:model-package/fraud-models/4",
        "expires_at": "2026-11-23T17:41:05.123Z",
        "endpoint_arn": f"arn:aws:sagemaker:eu-west-1:{ACCOUNT}:endpoint/{plan['name']}",
        "looks": 1,
        "states": {"input": job, "context": {"Execution": {"Id": EXECUTION_ARN}, "State": {"RetryCount": 0}}},
    }


def arguments(state: State, execution_input: object) -> dict[str, Any]:
    """What the state sends; roles known once deployed have an ARN here."""
    sent: dict[str, Any] = evaluate(state.body["Arguments"], at_run_time(execution_input))
    return dict(json.loads(re.sub(r"<[^>]+\.Arn>", f"arn:aws:iam::{ACCOUNT}:role/deployed", json.dumps(sent))))


def sagemaker_states(machine: Machine) -> list[State]:
    return [state for state in machine.states.values() if state.action]


def tags(sent: Mapping[str, Any]) -> dict[str, str]:
    return {tag["Key"]: tag["Value"] for tag in sent["Tags"]}


def keys(value: Any) -> Iterator[str]:
    if isinstance(value, Mapping):
        for name, item in value.items():
            yield name
            yield from keys(item)
    elif isinstance(value, list):
        for item in value:
            yield from keys(item)


# --- how it reads -----------------------------------------------------------------------------------------------


def test_the_console_lists_it_under_the_projects_name(machine: Machine) -> None:
    assert machine.resource.properties["StateMachineName"] == "fraud-pipeline"
    assert "{}" in machine.definition["Comment"]


def test_every_state_that_does_something_says_what_for(machine: Machine) -> None:
    silent = [state.name for state in machine.states.values() if state.type != "Fail" and not state.body.get("Comment")]

    assert silent == []


def test_every_failure_has_a_name_and_a_cause(machine: Machine) -> None:
    failures = [state for state in machine.states.values() if state.type == "Fail"]

    assert failures != []
    assert [state.name for state in failures if not (state.body["Error"] and state.body["Cause"])] == []


def test_names_are_within_what_step_functions_allows(machine: Machine) -> None:
    assert [name for name in machine.states if len(name) > 80] == []


def test_it_speaks_jsonata_only(machine: Machine) -> None:
    languages = {state.body.get("QueryLanguage", "JSONata") for state in machine.states.values()}
    used = {key for state in machine.states.values() for key in state.body}

    assert machine.definition["QueryLanguage"] == "JSONata"
    assert languages == {"JSONata"}
    assert used & JSONPATH_FIELDS == set()
    assert [key for key in keys(machine.definition) if key.endswith(".$")] == []


def test_every_expression_parses(machine: Machine) -> None:
    written = list(expressions(machine.definition))

    assert len(written) > 20
    for expression in written:
        Jsonata(expression)  # raises what is wrong with it


# --- how it begins ----------------------------------------------------------------------------------------------


def test_it_starts_with_the_plan(machine: Machine, deployment: Deployment) -> None:
    first = machine.states[machine.definition["StartAt"]]
    plan = deployment.named("AWS::Lambda::Function", "Plan")

    assert first.body["Arguments"]["FunctionName"] == plan.attribute("Arn")


def test_an_empty_input_is_handed_to_the_plan_as_it_is(machine: Machine) -> None:
    first = machine.states[machine.definition["StartAt"]]
    context = {"Execution": {"Id": "arn", "Name": "monday", "StartTime": "2026-11-23T16:41:05.123Z"}}

    payload = evaluate(first.body["Arguments"]["Payload"], {"states": {"input": {}, "context": context}})

    execution = {"id": "arn", "name": "monday", "start_time": "2026-11-23T16:41:05.123Z"}
    assert payload == {"input": {}, "execution": execution}


def test_no_other_state_reads_the_executions_input(machine: Machine) -> None:
    reading = [
        state.name
        for state in machine.states.values()
        if any("Execution.Input" in expression for expression in expressions(state.body))
    ]

    assert reading == []


@pytest.mark.parametrize("execution_input", INPUTS.values(), ids=INPUTS)
def test_the_plan_holds_every_field_that_the_machine_reads(
    machine: Machine, execution_input: Mapping[str, Any]
) -> None:
    paths = {path for text in expressions(machine.definition) for path in re.findall(r"\$plan((?:\.\w+)+)", text)}
    plan = planned(execution_input)

    assert len(paths) > 10
    assert [path for path in sorted(paths) if not Jsonata(f"$exists($${path})").evaluate(plan)] == []


def test_every_variable_is_assigned_somewhere(machine: Machine) -> None:
    assigning = [*machine.states.values()]
    assigned = {name for state in assigning for name in state.body.get("Assign", {})}
    assigned |= {
        name for state in assigning for catch in state.body.get("Catch", []) for name in catch.get("Assign", {})
    }
    local = {name for text in expressions(machine.definition) for name in re.findall(r"\$(\w+)\s*:=", text)}

    used = {name for text in expressions(machine.definition) for name in re.findall(r"\$([a-z]\w*)\b(?!\()", text)}

    assert used - {"states"} == assigned | local


# --- what it calls ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("execution_input", INPUTS.values(), ids=INPUTS)
def test_every_call_of_sagemaker_is_one_that_its_model_allows(
    machine: Machine, execution_input: Mapping[str, Any]
) -> None:
    called = sagemaker_states(machine)

    assert {state.action for state in called} >= {"CreateTrainingJob", "CreateModel", "CreateEndpoint"}
    for state in called:
        validate(arguments(state, execution_input), state.operation_model.input_shape)


@pytest.mark.parametrize("execution_input", INPUTS.values(), ids=INPUTS)
def test_an_endpoints_variant_names_the_model_of_the_run(machine: Machine, execution_input: Mapping[str, Any]) -> None:
    configuration = arguments(machine.one_calling("CreateEndpointConfig"), execution_input)

    (variant,) = configuration["ProductionVariants"]
    assert variant["ModelName"] == planned(execution_input)["name"]
    assert ("ServerlessConfig" in variant) == ("InstanceType" not in variant)


def test_functions_get_a_name_and_a_payload(machine: Machine) -> None:
    invoking = [state for state in machine.states.values() if state.body.get("Resource", "").endswith("lambda:invoke")]

    assert len(invoking) == 5
    assert {frozenset(state.body["Arguments"]) for state in invoking} == {frozenset({"FunctionName", "Payload"})}


def test_only_jobs_are_waited_for_by_step_functions(machine: Machine) -> None:
    """The optimised integration waits for jobs; whatever else there is goes through the SDK's (aws-facts 1.1)."""
    integrations = {state.action: state.body["Resource"].rpartition(":")[0] for state in sagemaker_states(machine)}
    waiting = {state.action for state in sagemaker_states(machine) if state.body["Resource"].endswith(".sync")}

    assert waiting == WAITED_FOR
    assert {action for action, prefix in integrations.items() if prefix == "arn:aws:states:::sagemaker"} == WAITED_FOR
    assert {prefix for action, prefix in integrations.items() if action not in WAITED_FOR} == {
        "arn:aws:states:::aws-sdk:sagemaker"
    }


def test_no_metric_definitions_are_sent_for_awss_own_image(machine: Machine) -> None:
    assert "MetricDefinitions" not in set(keys(machine.definition))


@pytest.mark.parametrize("state", [*JOBS, "Create the model", "Create the endpoint configuration"])
def test_whatever_a_run_makes_bears_the_project_the_run_and_its_execution(machine: Machine, state: str) -> None:
    sent = arguments(machine.states[state], {})

    assert tags(sent) == {"project": "fraud", "run-id": planned({})["run_id"], "execution": EXECUTION_ARN}


def test_an_endpoint_bears_its_date_and_its_idle_time_from_the_first(machine: Machine) -> None:
    sent = arguments(machine.one_calling("CreateEndpoint"), {})

    assert tags(sent) == {
        "project": "fraud",
        "run-id": planned({})["run_id"],
        "execution": EXECUTION_ARN,
        "idle-minutes": "30",
        "expires-at": "2026-11-23T17:41:05.123Z",
    }


@pytest.mark.parametrize("state", JOBS)
def test_a_job_that_is_tried_again_gets_a_new_name(machine: Machine, state: str) -> None:
    member, longest = JOBS[state]

    def name(retries: int) -> str:
        context = {"states": {"context": {"State": {"RetryCount": retries}}}}
        return str(evaluate(machine.states[state].body["Arguments"], at_run_time({}) | context)[member])

    assert name(0) != name(1)
    assert name(0).startswith(planned({})["name"])
    assert len(name(9)) <= longest


def test_no_two_training_jobs_of_a_run_have_the_same_name(machine: Machine) -> None:
    named = [
        arguments(machine.states[state], {})["TrainingJobName"] for state in ("Train the model", "Choose the model")
    ]

    assert len(set(named)) == 2


@pytest.mark.parametrize("state", JOBS)
def test_a_job_that_failed_is_not_run_again(machine: Machine, state: str) -> None:
    retried = {error for retry in machine.states[state].body["Retry"] for error in retry["ErrorEquals"]}

    # aws-facts 1.9: a job that has failed ends in States.TaskFailed.
    assert retried == {"SageMaker.AmazonSageMakerException", "SageMaker.ResourceLimitExceededException"}


# --- the better model -------------------------------------------------------------------------------------------


def folders(sent: Mapping[str, Any]) -> dict[str, str]:
    """The channels of a training job, each with the folder of the run that it reads."""
    run = f"s3://fraud-data-bucket/{planned({})['prefix']}"
    sources = {channel["ChannelName"]: channel["DataSource"]["S3DataSource"] for channel in sent["InputDataConfig"]}
    return {name: source["S3Uri"].removeprefix(run) for name, source in sources.items()}


def output(sent: Mapping[str, Any]) -> str:
    return str(sent["OutputDataConfig"]["S3OutputPath"]).removeprefix(f"s3://fraud-data-bucket/{planned({})['prefix']}")


def test_models_are_trained_and_tuned_on_the_training_rows_without_the_test_rows(machine: Machine) -> None:
    trained = arguments(machine.states["Train the model"], {})
    tuned = arguments(machine.states["Tune the model"], {})["TrainingJobDefinition"]

    assert folders(trained) == folders(tuned) == {"train": "train/", "validation": "validation/"}


def test_the_choice_is_among_all_models_of_the_run_by_the_validation_rows_alone(machine: Machine) -> None:
    trained = arguments(machine.states["Train the model"], {})
    tuned = arguments(machine.states["Tune the model"], {})["TrainingJobDefinition"]
    choice = arguments(machine.states["Choose the model"], {})

    assert output(trained) == output(tuned) == folders(choice)["train"]
    assert folders(choice)["validation"] == "validation/"
    assert len(folders(choice)) == 2
    assert output(choice) != output(trained)


def test_the_choice_knows_which_model_was_trained_first_and_where_the_amounts_stand(machine: Machine) -> None:
    hyperparameters = arguments(machine.states["Choose the model"], {})["HyperParameters"]

    assert hyperparameters == {
        **planned({})["choice"],
        "trained_job": f"{planned({})['name']}-0",
        "amount_feature": "29",
    }


def test_a_table_without_amounts_has_no_column_of_them(machine: Machine) -> None:
    without = {"prepared": {"sha256": "0" * 64, "amount_column": None, "amount_feature": None}}

    sent = evaluate(machine.states["Choose the model"].body["Arguments"], at_run_time({}) | without)

    assert "amount_feature" not in sent["HyperParameters"]


@pytest.mark.parametrize("enabled", [True, False])
def test_a_model_is_chosen_tuned_or_not(machine: Machine, enabled: bool) -> None:
    variables = at_run_time({"tuning": {"enabled": enabled}})
    state = machine.states[_choose(machine.states["Tuning wanted?"], variables)]

    assert [each.name for each in after(machine, state)][-1] != state.name
    assert ("Tune the model" in [each.name for each in after(machine, state)]) == enabled
    assert "Choose the model" in [each.name for each in after(machine, state)]


def test_what_was_chosen_is_served(machine: Machine) -> None:
    choose = machine.states["Choose the model"]
    ended = {"TrainingJobName": "c-0", "ModelArtifacts": {"S3ModelArtifacts": "s3://b/chosen/model.tar.gz"}}

    variables = at_run_time({}) | evaluate(choose.body["Assign"], {"states": {"result": ended}})
    sent = evaluate(machine.states["Create the model"].body["Arguments"], variables)

    assert sent["PrimaryContainer"]["ModelDataUrl"] == "s3://b/chosen/model.tar.gz"


def test_a_warm_start_is_sent_where_it_is_wanted_alone(machine: Machine) -> None:
    state, wanted = machine.states["Tune the model"], INPUTS["a warm start"]

    assert "WarmStartConfig" not in arguments(state, {})
    assert arguments(state, wanted)["WarmStartConfig"] == planned(wanted)["tuning"]["warm_start"]["WarmStartConfig"]


# --- waiting for the endpoint -----------------------------------------------------------------------------------


def ends_at(machine: Machine, answers: Iterator[dict[str, Any]]) -> tuple[str, int]:
    """Go from the endpoint's creation to a state outside the loop: its name, and the seconds waited until then.

    `answers` are those of DescribeEndpoint.
    """
    create = machine.one_calling("CreateEndpoint")
    variables = at_run_time({}) | evaluate(create.body["Assign"], {"states": {"result": {"EndpointArn": "arn"}}})
    state, seconds = machine.states[create.body["Next"]], 0
    while True:
        if state.type == "Wait":
            seconds += int(state.body["Seconds"])
        elif state.action == "DescribeEndpoint":
            variables["states"] = {"result": next(answers)}
            assigned = evaluate(state.body["Assign"], variables)
            variables["states"] = {"input": evaluate(state.body["Output"], variables)}
            variables |= assigned
        elif state.type == "Choice":
            state = machine.states[_choose(state, variables)]
            continue
        else:
            return state.name, seconds
        state = machine.states[state.body["Next"]]


def _choose(choice: State, variables: Mapping[str, Any]) -> str:
    taken = (rule["Next"] for rule in choice.body["Choices"] if evaluate(rule["Condition"], variables))
    return str(next(taken, choice.body["Default"]))


def answers(*statuses: str) -> Iterator[dict[str, Any]]:
    """The last one again and again, though not for ever."""
    for status in (*statuses, *statuses[-1:] * 1000):
        yield {"EndpointStatus": status}
    pytest.fail("It looks at the endpoint for ever.")


def test_an_endpoint_is_evaluated_once_it_is_in_service(machine: Machine) -> None:
    name, _ = ends_at(machine, answers("Creating", "Creating", "InService"))

    assert name == "Evaluate"


@pytest.mark.parametrize("status", ["Failed", "Deleting", "OutOfService"])
def test_an_endpoint_that_will_not_serve_fails_the_run(machine: Machine, status: str) -> None:
    name, _ = ends_at(machine, answers("Creating", status))

    assert machine.states[name].body["Error"] == "EndpointFailed"


def test_an_endpoint_that_never_starts_fails_the_run_after_half_an_hour(machine: Machine) -> None:
    name, seconds = ends_at(machine, answers("Creating"))

    assert machine.states[name].body["Error"] == "EndpointTimeout"
    assert seconds == 30 * 60


def test_an_endpoint_that_starts_in_the_last_moment_counts(machine: Machine) -> None:
    name, _ = ends_at(machine, answers(*["Creating"] * 119, "InService"))

    assert name == "Evaluate"


@pytest.mark.parametrize("reason", [{"FailureReason": "the container did not pass the ping"}, {}])
def test_a_failed_endpoints_reason_is_told_if_there_is_one(machine: Machine, reason: dict[str, str]) -> None:
    look, failed = machine.one_calling("DescribeEndpoint"), machine.states["The endpoint failed to start"]
    variables = at_run_time({})

    output = evaluate(look.body["Output"], {"states": {"result": {"EndpointStatus": "Failed", **reason}}})
    cause = evaluate(failed.body["Cause"], variables | {"states": {"input": output}})

    assert cause == f"Endpoint {planned({})['name']} failed to start: {reason.get('FailureReason', '')}"


# --- the objective met ------------------------------------------------------------------------------------------


def next_of_gate(machine: Machine, *, passed: bool) -> State:
    gate = machine.states["Objective met?"]
    return machine.states[_choose(gate, {"evaluation": {"passed": passed}})]


def after(machine: Machine, state: State) -> list[State]:
    """What follows a state until the end, where nothing branches."""
    following = [state]
    while "Next" in following[-1].body:
        following.append(machine.states[following[-1].body["Next"]])
    return following


def last(machine: Machine) -> State:
    return after(machine, next_of_gate(machine, passed=True))[-1]


def test_a_model_that_met_its_objective_is_registered_then_announced_then_marked(machine: Machine) -> None:
    names = [state.name for state in after(machine, next_of_gate(machine, passed=True))]

    assert names == ["Register the model", "Announce the endpoint", "Objective met"]


def test_the_report_is_written_whether_the_objective_is_met_or_not(machine: Machine) -> None:
    assert [state.name for state in after(machine, machine.states["Evaluate"])][:3] == [
        "Evaluate",
        "Write the report",
        "Objective met?",
    ]


def test_a_registered_model_is_approved_with_its_threshold_and_what_it_comes_from(machine: Machine) -> None:
    sent = arguments(machine.states["Register the model"], {})

    plan, metadata = planned({}), sent["CustomerMetadataProperties"]
    assert sent["ModelApprovalStatus"] == "Approved"
    assert sent["ModelPackageGroupName"] == "fraud-models"
    assert sent["InferenceSpecification"]["Containers"][0]["ModelDataUrl"] == at_run_time({})["model_data"]
    assert sent["MetadataProperties"]["GeneratedBy"] == EXECUTION_ARN
    assert (metadata["run_id"], metadata["threshold"]) == (plan["run_id"], "0.7")
    assert (metadata["data_sha256"], metadata["code_sha256"]) == ("0" * 64, plan["code_sha256"])


@pytest.mark.parametrize("source", ["trained", "tuned", "registered"])
def test_a_registered_model_tells_what_trained_it(machine: Machine, source: str) -> None:
    competing = INPUTS["a registered model that competes"]
    variables = at_run_time(competing)
    evaluation = {**variables["evaluation"], "chosen": {**variables["evaluation"]["chosen"], "source": source}}
    context = {"states": {"context": {"Execution": {"Id": EXECUTION_ARN}}}}

    sent = evaluate(
        machine.states["Register the model"].body["Arguments"], variables | {"evaluation": evaluation} | context
    )

    plan = planned(competing)
    trained_by = plan["registered_model"] if source == "registered" else plan["run_id"]
    assert sent["CustomerMetadataProperties"]["trained_by"] == trained_by


def test_a_threshold_is_registered_as_it_was_chosen(machine: Machine) -> None:
    scores = np.random.default_rng(1729).random(300).astype(np.float32)
    variables = at_run_time({})

    def registered(threshold: float) -> float:
        evaluation = {**variables["evaluation"], "threshold": threshold}
        arguments = machine.states["Register the model"].body["Arguments"]["CustomerMetadataProperties"]
        return float(evaluate(arguments["threshold"], {"evaluation": evaluation}))

    assert [score for score in scores if registered(readable(score)) != readable(score)] == []


def test_a_call_that_is_repeated_registers_no_second_version(machine: Machine) -> None:
    """The SageMaker API's CreateModelPackage: the same ClientToken gives the same package."""
    state = machine.states["Register the model"]

    assert arguments(state, {})["ClientToken"] == planned({})["run_id"]


def test_clients_find_the_endpoint_under_the_projects_name(machine: Machine, deployment: Deployment) -> None:
    announcing = machine.states["Announce the endpoint"]

    sent = evaluate(announcing.body["Arguments"], at_run_time({}))

    parameter = deployment.named("AWS::SSM::Parameter", "EndpointName")
    assert announcing.body["Resource"] == "arn:aws:states:::aws-sdk:ssm:putParameter"
    assert sent == {
        "Name": parameter.reference,
        "Value": planned({})["name"],
        "Type": "String",
        "Overwrite": True,
    }
    assert parameter.properties["Name"] == "/fraud/endpoint-name"


def test_an_endpoint_whose_run_met_its_objective_is_marked_with_the_time(machine: Machine) -> None:
    marking = last(machine)

    sent = arguments(marking, {})

    assert marking.action == "AddTags"
    assert sent["ResourceArn"].endswith(f":endpoint/{planned({})['name']}")
    assert tags(sent).keys() == {"passed-at"}
    assert abs(datetime.fromisoformat(tags(sent)["passed-at"]) - datetime.now(UTC)) < timedelta(minutes=1)


def test_an_endpoint_is_marked_last_of_all(machine: Machine) -> None:
    assert last(machine).body["End"] is True
    assert [state.name for state in sagemaker_states(machine) if state.action == "AddTags"] == ["Objective met"]


def test_the_arn_that_is_marked_is_the_one_that_aws_gave(machine: Machine) -> None:
    assigned = machine.one_calling("CreateEndpoint").body["Assign"]

    given = evaluate(assigned, {"states": {"result": {"EndpointArn": "arn"}}})

    assert given["endpoint_arn"] == "arn"


def test_a_run_that_met_its_objective_ends_with_its_result(machine: Machine) -> None:
    variables = at_run_time({})

    result = evaluate(last(machine).body["Output"], variables)

    plan = planned({})
    assert result == {
        "run_id": plan["run_id"],
        "endpoint_name": plan["name"],
        "expires_at": "2026-11-23T17:41:05.123Z",
        "artifacts": f"s3://fraud-data-bucket/{plan['prefix']}",
        "model_data": variables["model_data"],
        "model_package": variables["model_package"],
        "report": f"s3://fraud-data-bucket/{plan['prefix']}report.html",
        "report_url": "https://signed",
        "evaluation": variables["evaluation"],
    }


def test_a_run_that_missed_its_objective_fails_and_marks_nothing(machine: Machine) -> None:
    missed = next_of_gate(machine, passed=False)

    assert (missed.type, missed.body["Error"]) == ("Fail", "ObjectiveMissed")


# --- how long it takes ------------------------------------------------------------------------------------------


def tasks(machine: Machine) -> list[State]:
    return [state for state in machine.states.values() if state.type == "Task"]


def test_every_task_but_a_job_has_its_time(machine: Machine) -> None:
    """A job ends by its own MaxRuntimeInSeconds."""
    timed = {state.name for state in tasks(machine) if state.body.get("TimeoutSeconds", 0) > 0}
    jobs = {state.name for state in tasks(machine) if state.body["Resource"].endswith(".sync")}

    assert jobs == set(JOBS)
    assert timed == {state.name for state in tasks(machine)} - jobs


@pytest.mark.parametrize("state", JOBS)
def test_a_job_ends_by_itself(machine: Machine, state: str) -> None:
    assert "MaxRuntimeInSeconds" in set(keys(arguments(machine.states[state], {})))


def test_a_function_has_the_time_that_it_may_take(machine: Machine, deployment: Deployment) -> None:
    functions = {item.attribute("Arn"): item for item in deployment.all("AWS::Lambda::Function")}
    invoking = [state for state in tasks(machine) if state.body["Resource"].endswith("lambda:invoke")]

    assert invoking != []
    for state in invoking:
        longest = functions[state.body["Arguments"]["FunctionName"]].properties["Timeout"]
        assert longest < state.body["TimeoutSeconds"] <= longest + 120


# --- when anything fails ----------------------------------------------------------------------------------------


def caught_at(state: State) -> str:
    """Where the state goes on when anything at all fails in it; leaves the error in `$failure`."""
    (catch,) = state.body["Catch"]
    assert catch["ErrorEquals"] == ["States.ALL"]
    return str(catch["Next"])


def top_level(machine: Machine) -> dict[str, State]:
    return {name: machine.states[name] for name in machine.definition["States"]}


def test_a_refused_input_fails_the_execution_and_removes_nothing(machine: Machine) -> None:
    planning = machine.states[machine.definition["StartAt"]]

    assert machine.states[caught_at(planning)].type == "Fail"


def test_whatever_makes_something_lies_under_one_catch(machine: Machine) -> None:
    outside = [state.action for state in top_level(machine).values() if state.action]
    (run,) = (state for state in top_level(machine).values() if state.type == "Parallel")

    assert outside == []
    assert machine.states[caught_at(run)].body["Arguments"]["Payload"] == {"name": "{% $plan.name %}"}


def test_the_catch_leads_to_the_removal_then_to_the_failure(machine: Machine, deployment: Deployment) -> None:
    (run,) = (state for state in top_level(machine).values() if state.type == "Parallel")
    removal = machine.states[caught_at(run)]
    function = deployment.named("AWS::Lambda::Function", "RemoveRun")

    assert removal.body["Arguments"]["FunctionName"] == function.attribute("Arn")
    assert machine.states[removal.body["Next"]].type == "Fail"


def test_a_removal_that_fails_is_tried_again_and_fails_the_execution_all_the_same(machine: Machine) -> None:
    (run,) = (state for state in top_level(machine).values() if state.type == "Parallel")
    removal = machine.states[caught_at(run)]

    assert any(retry["ErrorEquals"] == ["States.ALL"] for retry in removal.body["Retry"])
    assert machine.states[caught_at(removal)].type == "Fail"


def test_the_first_failure_is_the_one_that_is_told(machine: Machine) -> None:
    """A removal that fails in turn must not cover it."""
    catches = [(state.name, catch) for state in machine.states.values() for catch in state.body.get("Catch", [])]

    assert sorted(
        name for name, catch in catches if catch.get("Assign") == {"failure": "{% $states.errorOutput %}"}
    ) == sorted(name for name, _ in catches if name != "Remove what the run made")


@pytest.mark.parametrize(
    ("given", "told"),
    [
        pytest.param("The endpoint took too long", "The endpoint took too long", id="a sentence"),
        pytest.param(
            '{"errorMessage": "No such field", "errorType": "InvalidInput"}', "No such field", id="a function"
        ),
        pytest.param('{"TrainingJobName": "f-0", "FailureReason": "Bad data"}', "Bad data", id="a job"),
        pytest.param('{"something": "else"}', '{"something": "else"}', id="other JSON"),
        pytest.param("", "", id="nothing"),
    ],
)
def test_the_execution_fails_with_the_sentence_that_a_person_wants(machine: Machine, given: str, told: str) -> None:
    failed = machine.states["Run failed"]

    cause = evaluate(failed.body["Cause"], {"failure": {"Error": "States.TaskFailed", "Cause": given}})

    assert cause == told


def test_an_error_without_a_cause_is_told_too(machine: Machine) -> None:
    failed = machine.states["Run failed"]

    assert evaluate(failed.body["Error"], {"failure": {"Error": "States.Timeout"}}) == "States.Timeout"
    assert evaluate(failed.body["Cause"], {"failure": {"Error": "States.Timeout"}}) == ""


def test_a_run_ends_within_a_day(machine: Machine) -> None:
    assert machine.definition["TimeoutSeconds"] == 24 * 60 * 60


def test_the_log_holds_errors_but_no_data(machine: Machine) -> None:
    logging = machine.resource.properties["LoggingConfiguration"]

    assert (logging["Level"], logging["IncludeExecutionData"]) == ("ERROR", False)
