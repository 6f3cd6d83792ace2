"""The tables of inputs, hyperparameters, settings and make targets, from where these are declared."""

import ast
import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import Field, dataclass, fields
from functools import partial
from itertools import pairwise
from typing import Any

from docs.licences import EXCEPTIONS, Licensed, npm_packages, python_packages
from docs.pages import ROOT
from lambdas.plan.execution_input import (
    DEFAULT_AMOUNT_COLUMN,
    DEFAULT_PARALLEL_JOBS,
    OBJECTIVE,
    Candidates,
    Costs,
    Data,
    EndpointSection,
    Imbalance,
    Serverless,
    Threshold,
    Training,
    TuningSection,
)
from lambdas.plan.rules import RULE
from lambdas.plan.searches import SEARCHES
from stacks.settings import Settings, SettingsError
from training_code.hyperparameters import HYPERPARAMETERS, OBJECTIVE_METRICS, Hyperparameter

SECTIONS: Mapping[str, type] = {
    "data": Data,
    "training": Training,
    "imbalance": Imbalance,
    "tuning": TuningSection,
    "threshold": Threshold,
    "costs": Costs,
    "candidates": Candidates,
    "endpoint": EndpointSection,
    "endpoint.serverless": Serverless,
}
"""Of the execution's input, by their paths; `hyperparameters` and `objective` have tables of another form."""


@dataclass(frozen=True)
class Described:
    """A field of the input; `default` in words, where that tells more than the declared one."""

    what: str
    default: str = ""


INPUT: Mapping[str, Described] = {
    "data.source": Described(
        "Where the data is: a CSV file, or a zip with one CSV file in it. Of S3 only what lies under `raw/` in the "
        "stack's bucket can be read.",
        "the lesson's zip",
    ),
    "data.label_column": Described("The column that says whether a row is a fraud: 0 or 1."),
    "data.split": Described(
        "How rows are dealt out to training (70 %), validation (20 %) and test (10 %): shuffled as in the lesson; each "
        "class by itself; or by time, the oldest to train on and the newest to test."
    ),
    "data.time_column": Described('For the split by "time": a numeric column that orders the rows.', "none"),
    "data.seed": Described("Of the shuffling, and of the search. Not with a split by time."),
    "data.drop_duplicates": Described("Keep equal rows once only, so that none is both trained on and tested with."),
    "data.amount_column": Described(
        "What a row's transaction is worth: the evaluation is sliced by it, and a missed fraud may cost it.",
        f"`{DEFAULT_AMOUNT_COLUMN}`, if there is such a column",
    ),
    "training.mode": Described(
        "`script` runs `training_code/` in AWS's XGBoost image, `builtin` the image's own algorithm, like the lesson."
    ),
    "training.instance_type": Described("Of each training job: the first, the tuned ones, and the one that chooses."),
    "training.instance_count": Described("Instances a training job."),
    "training.volume_size_in_gb": Described("The volume of each training job."),
    "training.max_runtime_in_seconds": Described("SageMaker stops a training job that takes longer."),
    "imbalance.method": Described(
        "What is done about the rarity of frauds, on the training rows only: positives weigh more, or rows are "
        "resampled."
    ),
    "imbalance.scale_pos_weight": Described(
        "How much a positive weighs, for the method of that name.", "the negatives per positive of the training rows"
    ),
    "imbalance.sampling_ratio": Described("Positives per negative after resampling."),
    "tuning.enabled": Described("Whether a tuning job looks for better hyperparameters."),
    "tuning.max_jobs": Described("How many training jobs it may start. Each bills."),
    "tuning.max_parallel_jobs": Described(
        "How many of them at a time. More at a time cost the same, but learn less from one another.",
        f"`{DEFAULT_PARALLEL_JOBS}`, or `max_jobs` if that is less",
    ),
    "tuning.search": Described("Where it looks, unless `ranges` say so: see the table of searches."),
    "tuning.objective_metric": Described(
        "What it optimises on the validation rows: " + ", ".join(f"`{name}`" for name in OBJECTIVE_METRICS) + ".",
        "the search's",
    ),
    "tuning.strategy": Described("Of automatic model tuning."),
    "tuning.ranges": Described(
        'By hyperparameter, such as `{"eta": {"min": 0.01, "max": 1, "scaling": "Logarithmic"}}`; `scaling` may be '
        "left out. Which can be tuned: see the table of hyperparameters.",
        "the search's",
    ),
    "tuning.early_stopping": Described("`Auto`: AWS stops training jobs that fall behind."),
    "tuning.warm_start_from": Described(
        "Earlier runs whose tuning jobs the search learns from. They must have had the same objective metric and the "
        "same hyperparameters, tuned or not."
    ),
    "threshold.objective": Described(
        "From which score on a row is an alarm, chosen on the validation rows: the best F1; the best recall at a "
        "minimum of precision, or the other way round; or the least cost."
    ),
    "threshold.minimum": Described("The precision, or the recall, that the other one is maximised at.", "none"),
    "costs.missed_fraud": Described(
        "What a missed fraud costs, in any currency. With `false_alarm`; the report then says what the model saves.",
        "none",
    ),
    "costs.false_alarm": Described("What a false alarm costs, in the same currency.", "none"),
    "candidates.registered": Described(
        "The last registered model is one more candidate, unless it was trained on rows that judge it now."
    ),
    "endpoint.serverless": Described("A serverless endpoint, which bills only while it answers.", "`true`"),
    "endpoint.serverless.memory_size_in_mb": Described("Memory of the serverless endpoint."),
    "endpoint.serverless.max_concurrency": Described("Requests that it answers at a time."),
    "endpoint.instance_type": Described("Instances instead of `serverless`; they bill by the hour.", "none"),
    "endpoint.initial_instance_count": Described("How many, with `instance_type`.", "`1`"),
    "endpoint.ttl_minutes": Described(
        "The endpoint's lifetime; at most the setting `endpoint_max_ttl_minutes`.", "the setting `endpoint_ttl_minutes`"
    ),
    "endpoint.idle_minutes": Described(
        "It goes when nobody has called it for so long.", "the setting `endpoint_idle_minutes`"
    ),
    "objective.recall": Described("The share of the frauds that raise an alarm."),
    "objective.precision": Described("The share of the alarms that are frauds."),
    "objective.f1": Described("The harmonic mean of precision and recall."),
    "objective.recall_at_0.5": Described("Recall, if a score from 0.5 on is an alarm."),
    "objective.precision_at_0.5": Described("Precision, likewise."),
    "objective.f1_at_0.5": Described("F1, likewise."),
    "objective.roc_auc": Described("The area under the ROC curve. It hardly tells models apart where frauds are rare."),
    "objective.average_precision": Described("The area under the precision-recall curve, as scikit-learn computes it."),
    "objective.money_saved": Described("In the currency of `costs`, which it needs: against having no model."),
}
"""What a field of the execution's input does."""


# --- the tables ----------------------------------------------------------------------------------------------------


def declared_fields(path: str) -> Mapping[str, Field[Any]]:
    """Those of a section, by their paths."""
    return {f"{path}.{item.name}": item for item in fields(SECTIONS[path])}


def _section(path: str) -> str:
    rows = [
        (f"`{name}`", _default(name, item), _coded(item.metadata[RULE].allowed), INPUT[name].what)
        for name, item in declared_fields(path).items()
    ]
    return _table(("field", "default", "allowed", "what it does"), rows)


def _default(name: str, item: Field[Any]) -> str:
    return INPUT[name].default or _json(item.default)


def _objective() -> str:
    rows = [
        (f"`objective.{metric}`", _coded(rule.allowed), INPUT[f"objective.{metric}"].what)
        for metric, rule in OBJECTIVE.items()
    ]
    return _table(("field", "the minimum is", "what it is"), rows)


def _searches() -> str:
    rows = [
        (f"`{name}`", f"`{search.objective}`", ", ".join(_range(*each) for each in search.ranges.items()))
        for name, search in SEARCHES.items()
    ]
    return _table(("`tuning.search`", "objective metric", "ranges"), rows)


def _range(name: str, given: Mapping[str, object]) -> str:
    scaling = f", {given['scaling']}" if "scaling" in given else ""
    return f"`{name}` {given['min']} to {given['max']}{scaling}"


def _hyperparameters(*, usual: bool) -> str:
    rows = [
        (_named(each), f"`{each.default}`" if each.default else "not set", _coded(str(each.domain)), _tuned(each))
        for each in HYPERPARAMETERS
        if not each.refused and bool(each.default or each.tunable) == usual
    ]
    return _table(("hyperparameter", "default", "allowed", "can be tuned"), rows)


def _named(each: Hyperparameter) -> str:
    return f"`{each.name}`" + (f", also `{each.alias}`" if each.alias else "")


def _tuned(each: Hyperparameter) -> str:
    return {"Integer": "yes, by integers", "Continuous": "yes", None: ""}[each.tunable]


def _refused() -> str:
    return _table(
        ("hyperparameter", "refused, since"), [(f"`{e.name}`", e.refused) for e in HYPERPARAMETERS if e.refused]
    )


def _settings() -> str:
    defaults = default_settings()
    described = setting_descriptions()
    rows = [
        (f"`{name}`", _json(defaults[name]), _coded(_allowed_of(name, defaults)), described[name]) for name in described
    ]
    return _table(("setting", "default", "allowed", "what it does"), rows)


def default_settings() -> dict[str, Any]:
    """Those of `cdk.json`."""
    found: dict[str, Any] = json.loads((ROOT / "cdk.json").read_text())["context"]["settings"]
    return found


def setting_descriptions() -> dict[str, str]:
    """The text under each attribute of `Settings`, which Python itself does not keep."""
    tree = ast.parse((ROOT / "stacks" / "settings.py").read_text())
    (body,) = (node.body for node in tree.body if isinstance(node, ast.ClassDef) and node.name == Settings.__name__)
    return {
        attribute.target.id: " ".join(ast.literal_eval(text.value).split())
        for attribute, text in pairwise(body)
        if isinstance(attribute, ast.AnnAssign)
        and isinstance(attribute.target, ast.Name)
        and isinstance(text, ast.Expr)
    }


def _allowed_of(name: str, defaults: Mapping[str, Any]) -> str:
    """As one is told who gives what no setting allows."""
    try:
        Settings.from_context({**defaults, name: None})
    except SettingsError as error:
        told = str(error).removeprefix(f"cdk.json: settings.{name} is None; ").removesuffix(".")
        return re.sub(r"^allowed (is|are) ", "", told)
    raise ValueError(f"settings.{name} may be anything")


def _make() -> str:
    targets = re.findall(r"^([a-z-]+):.*## (.+)$", (ROOT / "Makefile").read_text(), re.MULTILINE)
    return _table(("command", "what it does"), [(f"`make {target}`", what) for target, what in targets])


def _licences(packages: Callable[[], list[Licensed]], *, direct: bool) -> str:
    rows = [(f"`{each.name}`", each.version, each.licence) for each in packages() if each.direct == direct]
    return _table(("package", "version", "licence"), rows)


def _licence_exceptions() -> str:
    return _table(("package", "why it is used all the same"), [(f"`{name}`", why) for name, why in EXCEPTIONS.items()])


TABLES: Mapping[str, Callable[[], str]] = {
    **{path: partial(_section, path) for path in SECTIONS},
    "objective": _objective,
    "searches": _searches,
    "hyperparameters": partial(_hyperparameters, usual=True),
    "hyperparameters.more": partial(_hyperparameters, usual=False),
    "refused": _refused,
    "settings": _settings,
    "make": _make,
    "licences.python": partial(_licences, python_packages, direct=True),
    "licences.npm": partial(_licences, npm_packages, direct=True),
    "licences.exceptions": _licence_exceptions,
    "licences.python.others": partial(_licences, python_packages, direct=False),
}


# --- Markdown ------------------------------------------------------------------------------------------------------


def _table(heads: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    return "".join(f"| {' | '.join(cells)} |\n" for cells in _lines(heads, rows))


def _lines(heads: Sequence[str], rows: Iterable[Sequence[str]]) -> Iterator[Sequence[str]]:
    yield heads
    yield ["---"] * len(heads)
    for row in rows:
        yield [cell.replace("|", "\\|") for cell in row]


def _json(value: object) -> str:
    return f"`{json.dumps(value)}`"


def _coded(text: str) -> str:
    """What is meant to be typed, as code."""
    return re.sub(r'\{[^}]*\}|\["[^\]]*\]|"[^"]*"|\[\[.*\]\]', lambda found: f"`{found[0]}`", text)
