"""Figures of how well the model does, straight from evaluation.json and choice.json."""

import math
from collections.abc import Callable, Mapping, Sequence
from itertools import pairwise
from typing import Any

from lambdas.report.figures import (
    BLUE,
    GREEN,
    GREY,
    ORANGE,
    PURPLE,
    Figure,
    Trace,
    axis,
    bars_by_name,
    figure,
    height_of,
    line,
    name_axis,
    points,
    rate_axis,
    reference,
)
from lambdas.report.words import number, percent

Evaluation = Mapping[str, Any]

MOST_FEATURES = 12
_BELOW_ONE = 0.5
"""Where a logarithmic axis begins, so that a bar of one can be seen."""

_OPERATING_POINTS = (
    ("at_threshold", "chosen", ORANGE, "circle"),
    ("at_0.5", "at 0.5", GREY, "diamond"),
)


def metrics(names: Sequence[str], values: Sequence[float], bounds: Sequence[Sequence[float]]) -> Figure:
    """Each metric as a dot on its interval."""
    dots = points(
        "",
        values,
        list(range(len(names))),
        BLUE,
        error_x={
            "type": "data",
            "symmetric": False,
            "array": [high - value for value, (_, high) in zip(values, bounds, strict=True)],
            "arrayminus": [value - low for value, (low, _) in zip(values, bounds, strict=True)],
            "thickness": 2.5,
            "width": 7,
            "color": BLUE,
        },
        text=names,
        customdata=bounds,
        hovertemplate="%{text}: %{x:.4f}<br>%{customdata[0]:.4f} to %{customdata[1]:.4f}<extra></extra>",
    )
    return figure([dots], rate_axis(""), name_axis(names), height=height_of(len(names)), showlegend=False)


def precision_recall(evaluation: Evaluation) -> Figure:
    curve = evaluation["curves"]["precision_recall"]
    recall, precision = curve["recall"], curve["precision"]
    share = evaluation["positives"] / evaluation["rows"]
    traces = [
        line(
            "model",
            recall,
            precision,
            BLUE,
            # Between two thresholds there is nothing to choose: the next recall comes at the next precision.
            line={"shape": "vh" if recall[:1] <= recall[-1:] else "hv"},
            customdata=curve["threshold"],
            hovertemplate="recall %{x:.3f}<br>precision %{y:.3f}<br>threshold %{customdata:.7~g}<extra></extra>",
        ),
        reference("chance", [0, 1], [share, share]),
        *_operating_points(evaluation, lambda at: (at["recall"], at["precision"])),
    ]
    return figure(traces, rate_axis("recall: share of frauds caught"), rate_axis("precision: share of alarms right"))


def roc(evaluation: Evaluation) -> Figure:
    curve = evaluation["curves"]["roc"]
    traces = [
        line(
            "model",
            curve["false_positive_rate"],
            curve["true_positive_rate"],
            BLUE,
            hovertemplate="false alarms %{x:.4%} of the genuine<br>caught %{y:.1%} of the frauds<extra></extra>",
        ),
        reference("chance", [0, 1], [0, 1]),
        *_operating_points(evaluation, lambda at: (_false_positive_rate(at["confusion_matrix"]), at["recall"])),
    ]
    return figure(traces, rate_axis("false alarm rate"), rate_axis("share of frauds caught"))


def _operating_points(evaluation: Evaluation, place: Callable[[Mapping[str, Any]], tuple[float, float]]) -> list[Trace]:
    traces = []
    for field, name, colour, symbol in _OPERATING_POINTS:
        x, y = place(evaluation[field])
        hover = f"{name}: %{{x:.4f}}, %{{y:.4f}}<extra></extra>"
        traces.append(points(name, [x], [y], colour, marker={"size": 12, "symbol": symbol}, hovertemplate=hover))
    return traces


def _false_positive_rate(matrix: Mapping[str, int]) -> float:
    genuine = matrix["fp"] + matrix["tn"]
    return matrix["fp"] / genuine if genuine else 0.0


def sweep(evaluation: Evaluation) -> Figure:
    """In steps, since a threshold between two scores calls the same rows as the higher of them."""
    curve = evaluation["curves"]["sweep"]
    looks = (("precision", BLUE, "solid"), ("recall", ORANGE, "dash"), ("f1", GREEN, "dot"))
    traces = [
        line(
            "F1" if name == "f1" else name,
            curve["threshold"],
            curve[name],
            colour,
            line={"dash": dash, "shape": "vh"},
            hovertemplate="%{y:.3f}",
        )
        for name, colour, dash in looks
    ]
    chosen = _chosen_threshold(evaluation, [0, 1])
    return figure([*traces, chosen], rate_axis("threshold"), rate_axis(""), hovermode="x unified")


def cost(evaluation: Evaluation) -> Figure:
    """Needs costs in the sweep. What costs far more than no model at all is out of sight, for the rest's sake."""
    curve = evaluation["curves"]["sweep"]
    without = evaluation["money"]["without_model"]
    most = 1.4 * without or max(curve["cost"]) or 1
    traces = [
        line(
            "cost",
            curve["threshold"],
            curve["cost"],
            PURPLE,
            line={"shape": "vh"},
            hovertemplate="threshold %{x:.7~g}<br>cost %{y:,.2f}<extra></extra>",
        ),
        line("no model", [0, 1], [without, without], ORANGE, line={"dash": "dot"}),
        _chosen_threshold(evaluation, [0, most]),
    ]
    return figure(traces, rate_axis("threshold"), axis("cost of all errors", range=[0, most]))


def scores(evaluation: Evaluation) -> Figure:
    """Counts on a logarithmic axis, since a class may have hundreds of times as many rows as the other.

    Frauds are narrow bars before the wide ones of the genuine.
    """
    counts = evaluation["curves"]["scores"]
    edges = counts["edges"]
    widths = [high - low for low, high in pairwise(edges)]
    centres = [low + width / 2 for low, width in zip(edges[:-1], widths, strict=True)]
    spans = [f"{number(low)} to {number(high)}" for low, high in pairwise(edges)]
    traces: list[Trace] = [
        {
            "type": "bar",
            "name": name,
            "x": centres,
            "y": counts[name],
            "width": [share * width for width in widths],
            "customdata": spans,
            "hovertemplate": f"%{{y:,}} {name}, score %{{customdata}}<extra></extra>",
            "marker": {"color": colour},
            "opacity": opacity,
        }
        for name, colour, share, opacity in (("genuine", BLUE, 1, 0.7), ("fraud", ORANGE, 0.5, 1))
    ]
    most = max([*counts["genuine"], *counts["fraud"], 1])
    chosen = _chosen_threshold(evaluation, [_BELOW_ONE, most])
    seen = [math.log10(_BELOW_ONE), math.log10(2 * most)]
    logarithmic = axis("transactions", type="log", dtick=1, tickformat=",d", range=seen)
    return figure([*traces, chosen], rate_axis("score"), logarithmic, barmode="overlay")


def _chosen_threshold(evaluation: Evaluation, span: Sequence[float]) -> Trace:
    threshold = evaluation["threshold"]
    return reference("chosen", [threshold, threshold], span)


def feature_importance(choice: Mapping[str, Any], features: Sequence[str]) -> Figure:
    """The most important features, by the share of the gain."""
    highest = choice["feature_importance"][:MOST_FEATURES]
    gains = [feature["gain"] for feature in highest]
    names = [features[feature["feature"]] for feature in highest]
    return bars_by_name(names, gains, [percent(gain) for gain in gains])


def slices(evaluation: Evaluation) -> Figure:
    """Needs slices; what is not defined in one leaves a gap."""
    found = evaluation["slices"]
    rows = list(range(len(found)))
    looks = (("recall", ORANGE), ("precision", BLUE), ("average_precision", GREEN))
    traces: list[Trace] = [
        {
            "type": "bar",
            "name": name.replace("_", " "),
            "x": rows,
            "y": [part[name] for part in found],
            "hovertemplate": f"{name.replace('_', ' ')} %{{y:.3f}}<extra></extra>",
            "marker": {"color": colour},
        }
        for name, colour in looks
    ]
    spans = [f"{number(part['from'])}<br>to {number(part['to'])}" for part in found]
    amounts = {"tickvals": rows, "ticktext": spans}
    return figure(traces, amounts, axis("", range=[0, 1.03]), barmode="group", bargap=0.4)
