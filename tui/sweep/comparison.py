"""What a sweep has found: mean and spread of each case, and which is best."""

import re
from collections.abc import Iterator, Mapping, Sequence
from statistics import fmean, stdev

from msgspec import Struct
from msgspec.structs import replace

from engine.config import SECTIONS
from engine.protocol import SweepCase, SweepPlan, TrialResult

_DIFFERENCES = (
    ("text", "", "text", "it has changed meanwhile, so losses cannot be compared"),
    ("device", "train.device", "device", "their times cannot be compared"),
    ("precision", "train.precision", "precision", "set train.precision to have one for all"),
    ("threads", "train.threads", "threads", "their times cannot be compared"),
    (
        "evaluated",
        "train.val_characters",
        "number of held-out characters that were read",
        "set train.val_characters to have one number for all",
    ),
)
"""Fields of results that ought to be the same for all: the setting that may differ on purpose, what
the field is called, and what follows."""


_SECTION = re.compile(rf"\b(?:{'|'.join(SECTIONS)})\.")


class CaseResult(Struct, frozen=True, tag=True):
    """A row of the table."""

    case: str
    settings: dict[str, str]  # by their dotted keys
    n: int  # runs that have ended with a loss
    diverged: int
    failed: int
    mean: float | None  # validation loss at the end, in nats a character; None: no run has one
    deviation: float | None  # standard deviation over the seeds; None: fewer than two
    seconds: float | None  # of training, the mean
    best: bool = False
    runs: tuple[str, ...] = ()  # of those that have a loss


class SweepVerdict(Struct, frozen=True, tag=True):
    """The conclusion of the table, as a message."""

    sentence: str
    warnings: tuple[str, ...] = ()  # what else differs between the runs


def short_label(label: str) -> str:
    """The label of a case without the sections of its settings, where there is little room."""
    return _SECTION.sub("", label)


def compared(plan: SweepPlan, results: Mapping[str, TrialResult]) -> list[CaseResult]:
    """A row for each case: the lowest mean loss first, those without one last. `results`: by the keys
    of the runs."""
    rows = [_row(case, results) for case in plan.cases]
    rows.sort(key=lambda row: (row.mean is None, row.mean or 0.0))
    if rows[0].mean is not None:
        rows[0] = replace(rows[0], best=True)
    return rows


def _row(case: SweepCase, results: Mapping[str, TrialResult]) -> CaseResult:
    known = [results[key] for key in case.trials if key in results]
    done = [one for one in known if one.state == "done" and one.loss is not None]
    losses = [one.loss for one in done if one.loss is not None]
    return CaseResult(
        case=case.label,
        settings=dict(_parted(case)),
        n=len(done),
        diverged=sum(one.state == "diverged" for one in known),
        failed=sum(one.state == "failed" for one in known),
        mean=fmean(losses) if losses else None,
        deviation=stdev(losses) if len(losses) > 1 else None,
        seconds=fmean(one.seconds for one in done) if done else None,
        runs=tuple(one.run for one in done),
    )


def _parted(case: SweepCase) -> Iterator[tuple[str, str]]:
    for assignment in case.settings:
        key, _, value = assignment.partition("=")
        yield key, value


def verdict(
    plan: SweepPlan, rows: Sequence[CaseResult], results: Mapping[str, TrialResult]
) -> SweepVerdict:
    """What the rows of `compared` say."""
    return SweepVerdict(_sentence(plan, rows), tuple(_warnings(plan, results)))


def _sentence(plan: SweepPlan, rows: Sequence[CaseResult]) -> str:
    ranked = [row for row in rows if row.mean is not None]
    if not ranked:
        return "No run has ended with a loss yet."
    best = f"Lowest mean loss at the end: {ranked[0].mean:.4f}, with {ranked[0].case}"
    if len(ranked) == 1:
        return f"{best}; no other case has one yet."
    first, second = ranked[:2]
    assert first.mean is not None
    assert second.mean is not None
    gap = f"{best}; next is {second.case}, {second.mean - first.mean:.4f} higher"
    spreads = [row.deviation for row in (first, second) if row.deviation is not None]
    if not spreads and plan.seeds > 1:
        return f"{gap}. With one run each so far, the spread between seeds is not known yet."
    if not spreads:
        return f"{gap}. With one run each, the spread between seeds is not known: set seeds = 3."
    spread = max(spreads)
    if second.mean - first.mean < spread:
        return (
            f"{gap}, which is less than the spread between seeds ({spread:.4f}): this does not show "
            "which of the two is better."
        )
    return f"{gap}, {(second.mean - first.mean) / max(spread, 1e-9):.1f} times the spread between seeds ({spread:.4f})."


def _warnings(plan: SweepPlan, results: Mapping[str, TrialResult]) -> Iterator[str]:
    known = [results[key] for case in plan.cases for key in case.trials if key in results]
    done = [result for result in known if result.state == "done"]
    varied = {key for case in plan.cases for key, _ in _parted(case)}
    for field, setting, called, advice in _DIFFERENCES:
        values = {getattr(result, field) for result in done} - {"", 0}
        if len(values) > 1 and setting not in varied:
            shown = "" if field == "text" else f" ({' and '.join(map(str, sorted(values)))})"
            yield f"The runs differ in their {called}{shown}: {advice}."
