"""What `tinygpt-tui report` does and prints."""

from collections.abc import Sequence
from pathlib import Path

import click

from data.safe_text import safe_text
from data.typed_path import typed_path
from engine.protocol import Event, GatherReport, ReportedRun, ReportGathered
from tui.cli.client import Client
from tui.drawing.words import count
from tui.outcomes import outcome
from tui.report.file import SUFFIX, check_target, write_report
from tui.sweep.plan import read_plan

SWEEP = ".toml"
"""How the file of a sweep ends."""


def report(wanted: Sequence[str], path: str | None) -> int:
    """Write the report on these runs, one race or the sweep of a file, and print where it is; the
    exit code. ValueError, with a user-facing message, for a path that cannot be written, or a sweep
    that cannot be reported."""
    runs = tuple(dict.fromkeys(wanted))
    name = runs[0].rpartition(":")[2] if len(runs) == 1 else "report"
    if len(runs) == 1 and name.endswith(SWEEP):
        runs = (f"sweep:{read_plan(Path(name)).name}",)
        name = Path(name).stem
    target = typed_path(path or f"{name}{SUFFIX}")
    check_target(target)
    answers: list[ReportGathered] = []

    def answered(event: Event) -> bool:
        if isinstance(event, ReportGathered):
            answers.append(event)
        return bool(answers)

    code = Client(GatherReport(runs)).run_until(answered)
    for gathered in answers:
        written = write_report(gathered, target)
        for run in gathered.runs:
            if run.holder:
                click.echo(safe_text(_in_training(run)))
        click.echo(safe_text(outcome(written)))
    return code


def _in_training(run: ReportedRun) -> str:
    return (
        f"Another program trains {run.run} ({run.holder}): reported as it was last saved, at step "
        f"{count(run.step)}."
    )
