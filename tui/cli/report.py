"""What `tinygpt-tui report` does and prints."""

from collections.abc import Sequence

import click

from data.safe_text import safe_text
from data.typed_path import typed_path
from engine.protocol import Close, Event, Failed, GatherReport, ReportedRun, ReportGathered
from tui.cli.client import Client
from tui.drawing.words import count
from tui.outcomes import outcome
from tui.report.file import SUFFIX, check_target, write_report


def report(runs: Sequence[str], path: str | None) -> int:
    """Write the report on these runs, and print where it is; the exit code. ValueError, with a
    user-facing message, for a path that cannot be written."""
    runs = [*dict.fromkeys(runs)]
    name = runs[0] if len(runs) == 1 else "report"
    target = typed_path(path or f"{name}{SUFFIX}")
    check_target(target)
    client = Client(GatherReport(tuple(runs)))
    gathered: list[ReportedRun] = []

    def on_event(event: Event) -> None:
        match event:
            case ReportGathered(found):
                gathered.extend(found)
                client.send(Close())
            case Failed():
                client.fail(event)
            case _:
                pass

    code = client.run(on_event)
    if gathered:
        written = write_report(gathered, target)
        for run in gathered:
            if run.holder:
                click.echo(safe_text(_in_training(run)))
        click.echo(safe_text(outcome(written)))
    return code


def _in_training(run: ReportedRun) -> str:
    return (
        f"Another program trains {run.run} ({run.holder}): reported as it was last saved, at step "
        f"{count(run.step)}."
    )
