"""A sweep that never was: its plan, its results and curves, with fixed numbers."""

from math import exp, log

from engine.protocol import (
    CurvesRead,
    RunCurve,
    SweepCase,
    SweepPlan,
    SweepRead,
    SweepsListed,
    SweepSummary,
    TrialResult,
)

NAME = "rates"
SEEDS = 3
STEPS = 500
CASES = ("0.001", "0.003", "0.01", "0.03", "0.1", "0.3")
ENDS = (2.52, 2.21, 1.98, 1.94, 2.05, 2.74)
"""The mean loss of each case at its end; the spread of the later ones is larger."""


def plan(name: str = NAME) -> SweepPlan:
    """Six learning rates with three seeds each."""
    cases = tuple(
        SweepCase(
            (f"train.learning_rate={rate}", "model.n_layer=2"),
            tuple(f"{case}-{seed}" for seed in range(1, SEEDS + 1)),
        )
        for case, rate in enumerate(CASES)
    )
    return SweepPlan(name, SEEDS, cases, "text = 'verse.txt'\n")


def loss(case: int, seed: int, step: int) -> float:
    """Of a run at a step."""
    end = ENDS[case] + (seed - 2) * 0.02 * (case + 1)
    return end + (4.2 - end) * exp(-step / (90 + 20 * (case - 3) ** 2))


def result(case: int, seed: int, state: str = "done") -> TrialResult:
    """Of one run."""
    label = plan().cases[case].label
    end = loss(case, seed, STEPS) if state == "done" else None
    return TrialResult(
        key=f"{case}-{seed}",
        case=label,
        seed=seed,
        state=state,  # type: ignore[arg-type]
        run=f"run-{case}-{seed}",
        loss=end,
        bits_per_byte=None if end is None else end / log(2),
        step=STEPS,
        seconds=20.0,
    )


def done(name: str = NAME) -> SweepRead:
    """All of it, but for a case that has diverged."""
    results = [result(case, seed) for case in range(5) for seed in range(1, SEEDS + 1)]
    results += [result(5, seed, "diverged") for seed in range(1, SEEDS + 1)]
    return SweepRead(name, plan(name), tuple(results))


def running() -> SweepRead:
    """The first seed of all cases, and the second of one that is being trained."""
    results = [result(case, 1) for case in range(6)]
    return SweepRead(NAME, plan(), (*results, result(0, 2, "started")), running=True)


def curves(runs: tuple[str, ...], until: int = STEPS) -> CurvesRead:
    """Those of these runs."""
    return CurvesRead(tuple(_curve(run, until) for run in runs))


def _curve(run: str, until: int) -> RunCurve:
    _, case, seed = run.split("-")
    steps = range(0, until + 1, 25)
    return RunCurve(run, tuple((step, loss(int(case), int(seed), step)) for step in steps))


def listed() -> SweepsListed:
    """Two sweeps, one that cannot be read."""
    broken = SweepSummary(
        "old", 0, 0, 1.0, "The sweep 'old' cannot be read: its plan is not whole."
    )
    return SweepsListed((SweepSummary(NAME, 18, 7, 2.0), broken))
