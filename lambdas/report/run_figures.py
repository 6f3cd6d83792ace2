"""Figures of the run itself: what was tried, and how long it took."""

import html

from lambdas.report.figures import BLUE, GREEN, ORANGE, Figure, axis, bars_by_name, figure, line, points, reference
from lambdas.report.jobs import TrainingJob, TunedJob, Tuning
from lambdas.report.steps import Timeline
from lambdas.report.words import duration

MOST_STEPS = 10


def tuning_history(tuning: Tuning, trained: TrainingJob) -> Figure:
    """Each job that reached a value, the best so far, and what the trained model has by the same measure."""
    numbers = list(range(1, len(tuning.jobs) + 1))
    reached = [(number, tuned) for number, tuned in zip(numbers, tuning.jobs, strict=True) if tuned.value is not None]
    objective = html.escape(tuning.objective)
    traces = [
        line(
            "best so far",
            numbers,
            tuning.best_so_far(),
            GREEN,
            line={"shape": "hv"},
            hovertemplate="best so far %{y:.5f}<extra></extra>",
        ),
        points(
            "job",
            [number for number, _ in reached],
            [tuned.value for _, tuned in reached],
            BLUE,
            text=[_hyperparameters(tuned) for _, tuned in reached],
            hovertemplate=f"job %{{x}}: {objective} %{{y:.5f}}<br>%{{text}}<extra></extra>",
        ),
    ]
    before = trained.metrics.get(tuning.objective)
    if before is not None:
        traces.append(reference("trained", [1, len(numbers)], [before, before], ORANGE))
    return figure(traces, axis("job, by its start", tickformat="d"), axis(objective))


def _hyperparameters(tuned: TunedJob) -> str:
    return "<br>".join(html.escape(f"{name} {value}") for name, value in tuned.hyperparameters.items())


def steps(timeline: Timeline) -> Figure:
    """Those that take the most time, in the order of the run."""
    slowest = sorted(timeline.steps, key=lambda step: step.seconds, reverse=True)[:MOST_STEPS]
    shown = [step for step in timeline.steps if step in slowest]
    seconds = [step.seconds for step in shown]
    texts = [duration(second) for second in seconds]
    return bars_by_name([step.name for step in shown], seconds, texts)
