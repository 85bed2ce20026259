"""The page on metrics names every event, field and tag that is written; its example runs."""

import re
from contextlib import chdir
from pathlib import Path

import pytest

from engine.protocol import RECORDED, Evaluated, Excerpt, StepDone, to_json
from engine.storage.event_log import SMOOTHED_STEPS, Summaries
from tui.state import NEWEST_KEPT

PAGE = (Path(__file__).parents[2] / "docs" / "metrics.md").read_text(encoding="utf-8")
STEP = StepDone(1, 2.5, 1.0, 0.03, 64, 16, 0.5, 0.5, 9.0)
EVALUATED = Evaluated(1, 0.6931471805599453, 1.0, 0.5, 16, 0.1, 0.6, 64, 1.0)


def test_every_field_of_every_event_is_described_and_no_other() -> None:
    sections = re.findall(r"^### (\w+)\n(.*?)(?=^##)", PAGE, re.MULTILINE | re.DOTALL)
    described = {name: re.findall(r"^\| `(\w+)` \|", text, re.MULTILINE) for name, text in sections}
    assert described == {kind.__name__: [*kind.__struct_fields__] for kind in RECORDED}


def test_every_tag_is_described_and_no_other() -> None:
    summaries = Summaries("")
    written = b"".join(
        content
        for event in (STEP, EVALUATED, Excerpt(1, "The owl", " saw"))
        for content in summaries.of(event)
    )
    tags = re.findall(rb"(?:train|val)/[a-z_]+|sample", written)
    table = PAGE[PAGE.index("| tag |") :]
    assert re.findall(r"^\| `([\w/]+)` \|", table, re.MULTILINE) == [tag.decode() for tag in tags]


def test_the_smoothed_loss_is_that_of_the_screen() -> None:
    assert SMOOTHED_STEPS == NEWEST_KEPT
    assert f"mean of the newest {SMOOTHED_STEPS} steps, as the screen shows it" in PAGE


def test_its_example_runs(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (example,) = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)
    lines = [to_json(event) for event in (STEP, EVALUATED)]
    (tmp_path / "metrics.jsonl").write_text("\n".join([*lines, '{"type":"St']), encoding="utf-8")
    with chdir(tmp_path):
        exec(example, {})
    assert capsys.readouterr().out == "1 1.0 bits a character\n"
