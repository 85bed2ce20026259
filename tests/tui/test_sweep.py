"""Sweeps: what their file may hold, and what their results say."""

import re
from collections.abc import Sequence
from math import log
from pathlib import Path
from typing import Any

import msgspec
import pytest
from msgspec import defstruct
from msgspec.structs import replace

from engine.config import SECTIONS, TrainConfig
from engine.protocol import RunCurve, SweepRead, Tokens, TrialResult
from engine.storage.sweep_file import SweepResults
from tui.sweep.chart import curve_of
from tui.sweep.comparison import compared, verdict
from tui.sweep.csv_file import write_csv
from tui.sweep.plan import Case, Plan, Trial, plan_of, read_plan
from tui.sweep.shown import ShownSweep, fold_sweep
from tui.sweep.table import headings, line
from tui.sweep.unit import unit

TALES = 'text = "tales"\npreset = "nano"\n'


def plan(tmp_path: Path, content: str) -> Plan:
    path = tmp_path / "rates.toml"
    path.write_text(content, encoding="utf-8")
    return read_plan(path)


def test_a_grid_is_the_product_of_its_lists_and_cases_come_after_it(tmp_path: Path) -> None:
    found = plan(
        tmp_path,
        TALES + "steps = 50\nseeds = 2\n[set]\nmodel.n_layer = 1\n"
        "[grid]\ntrain.learning_rate = [0.01, 1e-3]\nmodel.residual = [true, false]\n"
        "[[case]]\n[[case]]\nmodel.n_layer = 3\n",
    )
    assert found.name == "rates"
    assert [case.label for case in found.cases] == [
        "train.learning_rate=0.01, model.residual=on",
        "train.learning_rate=0.01, model.residual=off",
        "train.learning_rate=0.001, model.residual=on",
        "train.learning_rate=0.001, model.residual=off",
        "no change",
        "model.n_layer=3",
    ]
    assert [case.config.model.n_layer for case in found.cases] == [1, 1, 1, 1, 1, 3]
    assert {case.config.train.steps for case in found.cases} == {50}
    assert [trial.seed for trial in found.trials] == [1] * 6 + [2] * 6
    assert len({trial.key for trial in found.trials}) == 12


def test_a_run_is_known_by_its_text_its_settings_and_its_seed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Not by the file, by a default that is written out, or by a setting that came later."""
    (first,) = plan(tmp_path, TALES + "[[case]]\ntrain.batch_size = 5\n").trials
    again = "[set]\ntrain.batch_size = 5\ntrain.weight_decay = 0.1\n[[case]]\n"
    (same,) = plan(tmp_path, f'name = "other"\n{TALES}{again}').trials
    assert same.case.config == first.case.config
    assert same.key == first.key
    (other,) = plan(tmp_path, TALES + "[[case]]\ntrain.batch_size = 6\n").trials
    assert other.key != first.key
    later = defstruct(
        "TrainConfig",
        [("new", int, 3)],
        bases=(TrainConfig,),
        frozen=True,
        namespace={"section": "train"},
    )
    monkeypatch.setitem(SECTIONS, "train", later)
    config = first.case.config
    train = later(**{**msgspec.structs.asdict(config.train), "new": 3})
    by_later = Case({}, (), msgspec.structs.replace(config, train=train))
    assert Trial(by_later, 1).key == first.key


def test_a_path_is_looked_for_beside_the_file(tmp_path: Path) -> None:
    content = {"text": "verse.txt", "case": [{}]}
    assert plan_of(content, "rates", tmp_path).text == str(tmp_path / "verse.txt")
    assert plan_of({**content, "text": "/a/b.txt"}, "rates", tmp_path).text == "/a/b.txt"


def test_the_example_in_the_documentation_is_a_sweep(tmp_path: Path) -> None:
    page = (Path(__file__).parents[2] / "docs" / "laboratory.md").read_text(encoding="utf-8")
    (example,) = re.findall(r"<!-- sweep -->\n```toml\n(.*?)```", page, re.DOTALL)
    found = plan(tmp_path, example)
    assert (found.name, found.seeds, len(found.cases), len(found.trials)) == ("rates", 3, 5, 15)


GRID = "[grid]\ntrain.batch_size = [4, 8]\n"


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (
            "[grid\n",
            "rates.toml is not TOML: Expected ']' at the end of a table declaration (at line",
        ),
        ("a = " + "[" * 5_000, "rates.toml is not TOML: "),
        ("a = " + "9" * 5_000, "rates.toml is not TOML: "),
        (GRID, "rates.toml: text is missing."),
        ('text = ""\n' + GRID, "rates.toml: text is a word in quotes, not ''."),
        ('text = "-"\n' + GRID, "rates.toml: text cannot be standard input"),
        (TALES + "step = 5\n" + GRID, "rates.toml: there is no key 'step'; near it: steps"),
        (TALES + 'name = "../up"\n' + GRID, "rates.toml: A sweep's name has up to 60 letters"),
        (TALES + "seeds = 0\n" + GRID, "rates.toml: seeds goes from 1 to 10,000, not 0."),
        (TALES + "seeds = true\n" + GRID, "rates.toml: seeds goes from 1 to 10,000, not True."),
        (TALES + "steps = 0\n" + GRID, "rates.toml: train.steps goes from 1 to 10,000,000, and 0"),
        (TALES + "steps = 5\nminutes = 1\n" + GRID, "steps and minutes are two ways"),
        (
            TALES + "steps = 5\n[set]\ntrain.steps = 6\n" + GRID,
            "[set]: train.steps is given at the",
        ),
        (TALES + "[set]\nmodel = 5\n" + GRID, "rates.toml: [set]: There is no setting 'model'"),
        (TALES + "[set]\ntrain.seed = 5\n" + GRID, "[set]: train.seed is what seeds = N counts"),
        (
            TALES + "[set]\ntrain.batch_size = 4\n" + GRID,
            "[grid]: train.batch_size is given for all",
        ),
        (TALES, "rates.toml: there is nothing to try: it has neither [grid] nor [[case]]."),
        (TALES + "[grid]\n", "rates.toml: [grid]: it is empty"),
        (TALES + "[grid]\ntrain.batch_size = []\n", "[grid]: train.batch_size takes a list"),
        (TALES + "[grid]\ntrain.batch_size = 4\n", "[grid]: train.batch_size takes a list"),
        (TALES + "[grid]\ntrain.lr = [1]\n", "[grid]: train.lr=1: There is no setting 'train.lr'"),
        (
            TALES + "[grid]\ntrain.learning_rate = [0.1, 5]\n",
            "[grid]: train.learning_rate=5: train.learning_rate goes from 0.00001 to 1, and 5 is",
        ),
        (TALES + "[grid]\ntrain.learning_rate = [nan]\n", "and nan is outside"),
        (TALES + "[grid]\ntrain.batch_size = [[4]]\n", "takes a number, a word, true or false"),
        (TALES + "[grid]\ntrain.batch_size = [1979-05-27]\n", "takes a number, a word, true or"),
        (TALES + "[grid]\n'train.steps=5,x' = [4]\n", "is no name of a setting"),
        (TALES + '[[case]]\nsample.stop = "a\\u0000"\n', "[[case]] 1: sample.stop holds"),
        (
            TALES + "[[case]]\n[[case]]\nmodel.n_embd = 20\nmodel.n_head = 3\n",
            "[[case]] 2: model.n_embd=20, model.n_head=3: model.n_embd 20 must divide",
        ),
        (
            TALES + "[grid]\ntrain.learning_rate = [0.1, 0.10]\n",
            "two cases are the same: 'train.learning_rate=0.1' and 'train.learning_rate=0.1'.",
        ),
        (
            TALES + "[[case]]\n[[case]]\nmodel.n_layer = 2\n",  # as the preset has it
            "two cases are the same: 'no change' and 'model.n_layer=2'.",
        ),
        (TALES + "case = 5\n", "case is a list of tables: write [[case]]."),
        (TALES + "grid = 5\n", "[grid]: it is a table of settings, not 5."),
        (
            TALES + f"seeds = 500\n[grid]\ntrain.batch_size = {[*range(1, 99)]}\n",
            "[grid]: that makes 49,000 runs; 10,000 are the most.",
        ),
    ],
)
def test_a_file_that_cannot_be_meant_is_refused_by_its_place(
    tmp_path: Path, content: str, message: str
) -> None:
    with pytest.raises(ValueError, match=re.escape(message)) as refused:
        plan(tmp_path, content)
    assert len(str(refused.value)) < 300


def test_a_file_that_is_no_text_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "rates.toml"
    with pytest.raises(ValueError, match="There is no file"):
        read_plan(path)
    path.write_bytes(b"\xff\xfe")
    with pytest.raises(ValueError, match=r"rates\.toml is not UTF-8"):
        read_plan(path)


def learned(found: Plan, *losses: Sequence[float], **fields: Any) -> dict[str, TrialResult]:
    """Results of as many runs as there are losses, for each case."""
    return {
        trial.key: TrialResult(
            key=trial.key,
            case=case.label,
            seed=trial.seed,
            state="done",
            run="a",
            loss=loss,
            seconds=2.0,
            **{field: values[index] for field, values in fields.items()},
        )
        for index, (case, of_case) in enumerate(zip(found.cases, losses, strict=True))
        for trial, loss in zip(found.of_case(index), of_case, strict=False)
    }


@pytest.mark.parametrize(
    ("losses", "said"),
    [
        ([[], []], "No run has ended with a loss yet."),
        ([[2.0], []], "with train.batch_size=4; no other case has one yet."),
        ([[2.0], [1.9]], "With one run each so far, the spread between seeds is not known yet."),
        ([[2.0, 2.2], [1.9, 1.9]], "0.2000 higher, 1.4 times the spread between seeds (0.1414)."),
        (
            [[2.0, 2.2], [1.9, 2.1]],
            "less than the spread between seeds (0.1414): this does not show",
        ),
    ],
)
def test_the_best_is_named_with_what_the_seeds_say_of_it(
    tmp_path: Path, losses: list[list[float]], said: str
) -> None:
    found = plan(tmp_path, TALES + "seeds = 2\n" + GRID)
    results = learned(found, *losses)
    rows = compared(found.saved, results)
    assert said in verdict(found.saved, rows, results).sentence
    assert [row.best for row in rows] == [any(losses), False]
    if losses[1]:
        assert rows[0].case == "train.batch_size=8"


def test_one_seed_is_too_few_to_know_the_spread(tmp_path: Path) -> None:
    found = plan(tmp_path, TALES + GRID).saved
    results = learned(plan(tmp_path, TALES + GRID), [2.0], [1.9])
    said = verdict(found, compared(found, results), results).sentence
    assert "the spread between seeds is not known: set seeds = 3." in said


def test_what_else_differs_between_the_runs_is_said(tmp_path: Path) -> None:
    found = plan(tmp_path, TALES + GRID)
    results = learned(
        found, [2.0], [1.9], precision=["float32", "bfloat16"], text=["a", "b"], threads=[1, 1]
    )
    text, precision = verdict(found.saved, compared(found.saved, results), results).warnings
    assert text.startswith("The runs differ in their text: it has changed meanwhile")
    assert precision.startswith("The runs differ in their precision (bfloat16 and float32)")


def test_cases_with_other_tokens_compare_in_bits_per_byte(tmp_path: Path) -> None:
    found = plan(tmp_path, TALES + 'seeds = 2\n[grid]\nmodel.tokenizer = ["characters", "bpe"]\n')
    results = learned(found, [2.0, 2.2], [4.0, 4.1], evaluated=[900, 400])
    bits = {
        one.key: (one.loss or 0.0) * (1 if "characters" in one.case else 0.4)
        for one in results.values()
    }
    results = {key: replace(one, bits_per_byte=bits[key]) for key, one in results.items()}
    rows = compared(found.saved, results)
    assert [row.settings["model.tokenizer"] for row in rows] == ["bpe", "characters"]
    said = verdict(found.saved, rows, results)
    assert "1.6200 bits per byte" in said.sentence
    assert not said.warnings, "other tokens are another number of them"
    read = SweepRead("x", found.saved, tuple(results.values()))
    shown = fold_sweep(ShownSweep(), read, read)
    wide, narrow = line(shown, 0, 118).plain, line(shown, 0, 74).plain
    assert headings(118, mixed=True).plain.split() == [
        "case",
        "runs",
        "bits/byte",
        "spread",
        "loss",
    ]
    assert wide.split()[-5:] == ["2/2", "1.6200", "0.0283", "4.0500", "best"]
    assert narrow.split()[-4:] == ["2/2", "1.6200", "0.0283", "best"]
    curve = RunCurve("a", ((0, 6.0), (5, 4.0)), tokens=Tokens("bpe", 300, bytes_each=2.0))
    shown = replace(shown, curves=(curve,))
    assert unit(shown) == "bits per byte"
    assert curve_of(shown, rows[0])[-1].mean == pytest.approx(2.0 / log(2))
    write_csv(tmp_path / "table.csv", rows)
    head, first, _ = (tmp_path / "table.csv").read_text().splitlines()
    assert dict(zip(head.split(","), first.split(","), strict=True))["bits_per_byte"] == "1.62"


def test_results_survive_a_line_that_is_torn_or_not_ours(tmp_path: Path) -> None:
    found = plan(tmp_path, TALES + GRID)
    first, second = learned(found, [2.0], [1.9]).values()
    SweepResults(tmp_path).add(first)
    with (tmp_path / "results.jsonl").open("ab") as file:
        file.write(b'[[[\n{"type":"TrialResult","loss":NaN}\n{"type":"TrialRes')
    torn = SweepResults(tmp_path)
    assert torn.newest == {first.key: first}
    torn.add(second)
    assert SweepResults(tmp_path).newest == {first.key: first, second.key: second}
