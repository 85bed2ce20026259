"""The form for a new run."""

import threading
from pathlib import Path

import msgspec
import pytest
from looking import Desk, Opener
from recording import CONFIG, corpus_loaded, opened, step_done, untrained
from textual.widgets import Input, Static

from data.reading import Reading
from engine.config import ModelConfig, all_settings, preset
from engine.protocol import Busy, Failed, Measure, Measured, Open, PhaseChanged, StopReading
from engine.settings import settings_of
from tui.screens.choice import Choice
from tui.screens.cost_line import CostLine
from tui.screens.new_run import NewRunScreen
from tui.screens.run_fields import TYPED

NAMES = ("corpus", "preset", *(key.replace(".", "-") for key, _ in TYPED))
OPTIONS = ("train.device", "train.precision")
"""Settings that stand in for the model's options: they too are one of a few words."""


@pytest.fixture
def options(monkeypatch: pytest.MonkeyPatch) -> None:
    """The form offers these two options, whatever the model has."""
    chosen = tuple(all_settings()[key] for key in OPTIONS)
    monkeypatch.setattr("tui.screens.new_run.options", lambda: (("architecture", chosen),))


async def open_form(it: Desk) -> NewRunScreen:
    await it.press("c")
    await it.until(lambda: isinstance(it.app.screen, NewRunScreen))
    form = it.app.screen
    assert isinstance(form, NewRunScreen)
    await it.until(lambda: form.is_mounted and form.focused is not None)
    return form


def values(form: NewRunScreen) -> dict[str, str]:
    return {name: form.query_one(f"#{name}", Input).value for name in NAMES}


async def change(it: Desk, name: str, text: str) -> None:
    """Type over what a field holds."""
    field = it.app.screen.query_one(f"#{name}", Input)
    it.app.screen.set_focus(field)
    await it.press("end", "ctrl+u")
    await it.type(text)
    assert field.value == text


def said(form: NewRunScreen, name: str) -> str:
    """A line of the form."""
    return str(form.query_one(f"#{name}", Static).visual)


async def test_it_starts_from_the_run_that_is_open(desk: Opener) -> None:
    model = msgspec.structs.replace(CONFIG.model, dropout=0.2)
    config = msgspec.structs.replace(CONFIG, corpus="tales", model=model)
    async with desk(*untrained()[:6], opened(config)) as it:
        form = await open_form(it)

        assert values(form) == {
            "corpus": "tales",
            "preset": "small",
            "train-steps": "2,000",
            "train-minutes": "0",
            "model-n_layer": "4",
            "model-n_embd": "128",
            "model-n_head": "2",
            "model-context_length": "256",
            "train-batch_size": "8",
            "train-learning_rate": "0.03",
            "train-adam_learning_rate": "0.003",
            "text-fraction": "1",
            "model-dropout": "0.2",
            "train-seed": "1",
        }


async def test_each_field_has_its_words_its_range_and_its_default(desk: Opener) -> None:
    async with desk(size=(80, 24)) as it:
        form = await open_form(it)

        for key, label in TYPED:
            setting = all_settings()[key]
            form.set_focus(form.query_one(f"#{key.replace('.', '-')}"))
            await it.sees(setting.description, f"{setting.range}; default ")
            assert it.row(f"{setting.range}; default ").split("│")[1].strip().startswith(label)
        form.set_focus(form.query_one("#preset"))
        await it.sees("nano, small, medium", "2,000", "default 0.03")


async def test_what_is_kept_from_the_open_run_is_marked(desk: Opener) -> None:
    model = msgspec.structs.replace(CONFIG.model, n_layer=3, norm="layernorm")
    train = msgspec.structs.replace(CONFIG.train, weight_decay=0.3)
    config = msgspec.structs.replace(CONFIG, model=model, train=train)
    async with desk(*untrained()[:6], opened(config)) as it:
        form = await open_form(it)
        await it.sees("kept from amber-otter; default 4", "kept from amber-otter; default rmsnorm")
        await it.sees("Also kept from amber-otter: weight decay 0.3.")

        await change(it, "model-n_layer", "5")
        await it.sees("1 to 48; default 4")
        await it.press("enter")
        assert it.engine.sent(Open)[-1].config.train.weight_decay == 0.3

        await change(it, "preset", "nano")
        await it.until(lambda: not any("kept from" in row for row in it.rows))
        await it.press("enter")
        assert it.engine.sent(Open)[-1].config == preset("nano", "tinyshakespeare")
        assert it.app.screen is form


async def test_how_the_text_is_read_is_shown_as_kept_while_it_is_that_text(desk: Opener) -> None:
    reading = Reading(encoding="cp1251", ignore=("*.json", "\x1b]0;drafts"))
    config = msgspec.structs.replace(CONFIG, reading=reading)
    kept = "Also kept from amber-otter: encoding cp1251, ignored files *.json ␛]0;drafts."
    async with desk(*untrained()[:6], opened(config)) as it:
        await open_form(it)
        await it.sees(kept)
        await change(it, "preset", "nano")
        await it.sees(kept)
        await it.press("enter")
        assert it.engine.sent(Open)[-1].config.reading == reading

        await change(it, "corpus", "tales")
        await it.until(lambda: not any("Also kept" in row for row in it.rows))
        await it.press("enter")
        assert it.engine.sent(Open)[-1].config.reading == Reading()


async def test_it_says_what_becomes_of_the_open_run(desk: Opener) -> None:
    async with desk() as it:
        await open_form(it)
        await it.sees("amber-otter has not been trained: nothing of it is kept.")
        await it.play(PhaseChanged("training", 0), step_done(1_240))
        await it.sees("amber-otter is saved at step 1,240 first, and stays among the saved runs.")
        await it.play(PhaseChanged("following", 1_240))
        await it.sees("amber-otter is trained on by the other program.")


async def test_a_run_by_minutes_of_another_shape(desk: Opener) -> None:
    async with desk() as it:
        await open_form(it)
        for name, value in (
            ("train-minutes", "3"),
            ("model-n_layer", "2"),
            ("model-n_embd", "64"),
            ("model-n_head", "4"),
        ):
            await change(it, name, value)
        await it.until(lambda: it.engine.sent(Measure)[-1:] and minutes_asked(it) == 3)
        config = it.engine.sent(Measure)[-1].config
        await it.play(Measured(config, 106_000, 420_000_000, 0.02))
        await it.sees(
            "106K parameters, about 420 MB of memory, 3m 00s (about 9,000 steps of 20 ms)"
        )

        await it.press("enter")
        opened_with = it.engine.sent(Open)[-1].config
        assert opened_with.train.minutes == 3
        model = opened_with.model
        assert (model.n_layer, model.n_embd, model.n_head) == (2, 64, 4)


def minutes_asked(it: Desk) -> float:
    """The minutes of the config that was measured last."""
    return it.engine.sent(Measure)[-1].config.train.minutes


async def test_the_same_text_is_read_as_before_and_another_as_it_comes(desk: Opener) -> None:
    reading = Reading("cp1251", ("drafts/",))
    config = msgspec.structs.replace(CONFIG, corpus="notes", reading=reading)
    async with desk(*untrained()[:6], opened(config)) as it:
        await open_form(it)
        await change(it, "preset", "nano")
        await it.press("enter")
        await change(it, "corpus", "letters.txt")
        await it.press("enter")

        assert [sent.config.reading for sent in it.engine.sent(Open)[-2:]] == [reading, Reading()]


async def test_another_preset_fills_the_form(desk: Opener) -> None:
    async with desk() as it:
        form = await open_form(it)
        await change(it, "preset", "medium")

        assert values(form) | {"corpus": ""} == {
            "corpus": "",
            "preset": "medium",
            "train-steps": "600",
            "train-minutes": "0",
            "model-n_layer": "6",
            "model-n_embd": "384",
            "model-n_head": "6",
            "model-context_length": "256",
            "train-batch_size": "64",
            "train-learning_rate": "0.03",
            "train-adam_learning_rate": "0.003",
            "text-fraction": "1",
            "model-dropout": "0.3",
            "train-seed": "1",
        }
        await it.sees("default 600", "default 0.3")

        await it.press("enter")
        assert it.engine.sent(Open)[-1].config == preset("medium", CONFIG.corpus)


async def test_an_invalid_value_is_refused_with_the_reason(desk: Opener) -> None:
    async with desk() as it:
        form = await open_form(it)
        for name, wrong, right, sentence in (
            ("train-steps", "0", "10", "'steps' goes from 1 to 10,000,000, and 0 is outside."),
            ("train-batch_size", "many", "4", "'batch' takes a whole number, not 'many'."),
            ("model-dropout", "x", "0", "'dropout' takes a number, not 'x'."),
            ("train-learning_rate", "nan", "1", "'learning rate' goes from 0.00001 to 1"),
            ("train-seed", "", "1", "'seed' takes a whole number, not ''."),
            ("preset", "smal", "small", "There is no preset 'smal'; near it: small"),
        ):
            await change(it, name, wrong)
            await it.press("enter")
            assert sentence in said(form, "problem")
            await it.sees(sentence)
            await change(it, name, right)

        assert it.app.screen is form
        assert it.engine.sent(Open) == [Open(CONFIG)]  # the first, of the app itself


async def test_what_was_typed_is_opened_and_then_the_form_goes(desk: Opener) -> None:
    async with desk() as it:
        form = await open_form(it)
        await change(it, "train-seed", "7")
        await change(it, "train-steps", "1,000")
        await change(it, "corpus", "tales")
        await it.press("enter")

        train = msgspec.structs.replace(CONFIG.train, seed=7, steps=1_000)
        config = msgspec.structs.replace(CONFIG, corpus="tales", train=train)
        assert it.engine.sent(Open)[1:] == [Open(config)]

        await it.play(Busy("reading tales"))
        assert "reading tales" in said(form, "problem")
        await it.play(corpus_loaded(), Busy(""))
        assert it.app.screen is form
        await it.play(opened(config, "calm-crow"))
        await it.until(lambda: it.app.screen is not form)
        await it.sees("run calm-crow", "step 0 / 1,000")


async def test_esc_stops_the_reading_of_a_text_and_leaves_the_form(desk: Opener) -> None:
    async with desk() as it:
        form = await open_form(it)
        await it.press("enter")
        await it.play(Busy("counting big.txt", 0.34, stoppable=True))
        assert said(form, "problem") == "counting big.txt 34%  (Esc stops)"
        await it.press("escape")
        assert it.engine.commands[-1] == StopReading()

        await it.play(Busy(""), Failed("Stopped before the text was read.", "open"))
        assert "Stopped" in said(form, "problem")
        await it.press("escape")
        await it.until(lambda: it.app.screen is not form)


async def test_the_button_opens_too(desk: Opener) -> None:
    async with desk() as it:
        await open_form(it)
        await it.pilot.click("#start")

        assert it.engine.sent(Open)[1:] == [Open(CONFIG)]


async def test_a_run_that_cannot_be_opened_leaves_the_form_and_the_run(desk: Opener) -> None:
    async with desk(*untrained(), PhaseChanged("training", 0), step_done(1)) as it:
        form = await open_form(it)
        await change(it, "corpus", "nowhere.txt")
        await it.press("enter")
        await it.play(Busy("reading nowhere.txt"), Busy(""))
        await it.play(Failed("There is no file nowhere.txt.", "open"))

        assert it.app.screen is form
        assert "There is no file nowhere.txt." in said(form, "problem")
        assert values(form)["corpus"] == "nowhere.txt"

        await it.press("escape")
        await it.until(lambda: it.app.screen is not form)
        await it.sees("● training", "run amber-otter")
        assert not any("nowhere.txt" in row for row in it.rows)


async def test_an_older_failure_is_not_that_of_the_new_run(desk: Opener) -> None:
    failed = Failed("The loss is not finite.", "train")
    async with desk(*untrained(), PhaseChanged("failed", 3), failed) as it:
        form = await open_form(it)
        await it.press("enter")
        await it.play(Busy("reading tinyshakespeare"))

        assert said(form, "problem") == "reading tinyshakespeare …"
        await it.play(corpus_loaded(), Busy(""), opened(run="calm-crow"))
        await it.until(lambda: it.app.screen is not form)


async def test_escape_changes_nothing(desk: Opener) -> None:
    async with desk() as it:
        await open_form(it)
        await change(it, "train-seed", "7")
        await it.press("escape")
        await it.until(lambda: len(it.app.screen_stack) == 1)
        await it.sees("run amber-otter")

        assert it.engine.sent(Open) == [Open(CONFIG)]
        form = await open_form(it)
        assert values(form)["train-seed"] == "1"
        await it.pilot.click("#cancel")
        await it.until(lambda: len(it.app.screen_stack) == 1)


async def test_the_form_tells_what_the_run_will_cost(desk: Opener) -> None:
    async with desk() as it:
        form = await open_form(it)
        await it.until(lambda: it.engine.sent(Measure))
        assert it.engine.sent(Measure) == [Measure(CONFIG, 63)]
        await it.sees("measuring a step …")

        await it.play(Measured(CONFIG, 802_560, 52_000_000, 0.06))
        await it.sees("0.80M parameters, about 52 MB of memory, 2m 00s (2,000 steps of 60 ms)")

        await change(it, "train-steps", "0")
        await it.until(lambda: "outside" in said(form, "problem"))
        await it.play(PhaseChanged("paused", 1))
        assert said(form, "cost") == ""

        await change(it, "train-steps", "10")
        await it.until(lambda: len(it.engine.sent(Measure)) == 2)
        await it.play(Failed("A step of that size cannot be taken here.", "measure"))
        await it.sees("A step of that size cannot be taken here.")
        assert said(form, "cost") == ""


async def test_a_number_is_written_as_the_form_writes_its_own(desk: Opener) -> None:
    async with desk() as it:
        form = await open_form(it)
        await change(it, "train-steps", "10448")
        await it.until(lambda: it.engine.sent(Measure)[-1:] and steps_asked(it) == 10_448)
        asked = it.engine.sent(Measure)
        await it.press("tab")
        await it.until(lambda: values(form)["train-steps"] == "10,448")
        await change(it, "train-seed", "many")
        await it.press("tab")
        await it.until(lambda: "'seed' takes a whole number" in said(form, "problem"))
        assert values(form)["train-seed"] == "many"
        assert it.engine.sent(Measure) == asked


def steps_asked(it: Desk) -> int:
    """The steps of the config that was measured last."""
    return it.engine.sent(Measure)[-1].config.train.steps


async def asked_for(it: Desk, corpus: Path) -> Measure:
    """Wait until the cost of a run on this text is asked for."""

    def found() -> list[Measure]:
        return [asked for asked in it.engine.sent(Measure) if asked.config.corpus == str(corpus)]

    await it.until(found)
    return found()[-1]


async def test_the_cost_is_that_of_the_text_that_was_typed(desk: Opener, tmp_path: Path) -> None:
    greek = tmp_path / "greek.txt"
    greek.write_text("αβγδεζηθικλμ\n", encoding="utf-8")
    async with desk() as it:
        form = await open_form(it)
        await change(it, "corpus", str(greek))
        asked = await asked_for(it, greek)
        assert asked.vocabulary == 13
        await it.play(Measured(asked.config, 790_000, 480_000_000, 0.06))
        await it.sees("0.79M parameters, about 480 MB of memory")

        await change(it, "corpus", str(tmp_path / "nowhere.txt"))
        await it.until(lambda: "There is no file or folder" in said(form, "problem"))
        assert said(form, "cost") == ""
        assert it.engine.sent(Measure)[-1] == asked


async def test_a_measurement_that_is_cancelled_before_it_begins_leaves_nothing(
    desk: Opener,
) -> None:
    async with desk(*untrained()) as it:
        await open_form(it)
        cost = it.app.screen.query_one(CostLine)
        cost._begin(msgspec.structs.replace(CONFIG, corpus="another"))
        cost.forget()
        await it.pilot.pause()
        assert not it.engine.sent(Measure)


async def test_a_large_text_is_measured_by_its_beginning(
    desk: Opener, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("data.preview.PREVIEW_BYTES", 6)
    (tmp_path / "a.txt").write_text("abc\ndefghijkl\n", encoding="utf-8")
    async with desk() as it:
        await open_form(it)
        await change(it, "corpus", str(tmp_path / "a.txt"))
        asked = await asked_for(it, tmp_path / "a.txt")
        assert asked.vocabulary == 4
        await it.play(Measured(asked.config, 790_000, 480_000_000, 0.06))
        await it.sees("Counted: the first 8.0 MB of the text.")


async def test_every_field_is_reached_and_seen_whole(desk: Opener) -> None:
    async with desk(size=(80, 24)) as it:
        form = await open_form(it)
        for keys in ("tab", "down"):
            reached = []
            for _ in NAMES:
                field = it.app.focused
                assert field is not None
                reached.append(field.id)
                fields = form.query_one("#fields")
                await it.until(lambda: fields.region.contains_region(field.region))  # noqa: B023
                assert field.region.width >= 12
                await it.press(keys)
            assert tuple(reached) == NAMES
            form.set_focus(form.query_one("#corpus"))

        for button in form.query("Button"):
            assert form.region.contains_region(button.region)
            assert button.region.height == 1


@pytest.mark.usefixtures("options")
@pytest.mark.parametrize("size", [(120, 40), (80, 24)])
async def test_an_option_is_chosen_among_its_words(desk: Opener, size: tuple[int, int]) -> None:
    async with desk(size=size) as it:
        form = await open_form(it)
        precision = form.query_one("#train-precision", Choice)
        form.set_focus(precision)
        await it.sees("architecture", "[auto] float32  bfloat16  int16  int8", "default auto")
        await it.sees(all_settings()["train.precision"].description)
        for key, value in (
            ("right", "float32"),
            ("space", "bfloat16"),
            ("right", "int16"),
            ("right", "int8"),
            ("right", "auto"),
            ("left", "int8"),
            ("left", "int16"),
            ("left", "bfloat16"),
        ):
            await it.press(key)
            assert precision.value == value
        await it.sees(" auto  float32 [bfloat16]")
        await it.pilot.click(precision, offset=(8, 0))
        assert precision.value == "float32"
        await it.until(lambda: it.engine.sent(Measure)[-1:] and measured(it) == "float32")

        await it.press("up", "right", "enter")
        train = msgspec.structs.replace(CONFIG.train, device="cpu", precision="float32")
        assert it.engine.sent(Open)[-1].config == msgspec.structs.replace(CONFIG, train=train)


def measured(it: Desk) -> str:
    """The precision of the config that was measured last."""
    return it.engine.sent(Measure)[-1].config.train.precision


async def test_every_option_of_the_model_is_offered(desk: Opener) -> None:
    async with desk(size=(80, 24)) as it:
        form = await open_form(it)
        for setting in settings_of(ModelConfig):
            if setting.choices:
                choice = form.query_one(f"#{setting.key.replace('.', '-')}", Choice)
                form.set_focus(choice)
                await it.sees(*setting.choices, setting.description[:50])
                before = choice.value
                await it.press("right")
                await it.press("enter")
                name = setting.key.partition(".")[2]
                opened_with = it.engine.sent(Open)[-1].config.model
                assert getattr(opened_with, name) == setting.parse(choice.value)
                assert choice.value != before
                await it.press("left")


async def test_what_cannot_work_together_is_refused_with_the_reason(desk: Opener) -> None:
    async with desk(size=(80, 24)) as it:
        form = await open_form(it)
        for name in ("attention", "mlp"):
            form.set_focus(form.query_one(f"#model-{name}"))
            await it.press("right")
        await it.press("enter")
        await it.sees("'attention' and 'mlp' cannot both be off")
        assert it.app.screen is form
        assert it.engine.sent(Open) == [Open(CONFIG)]  # the first, of the app itself

        await it.press("left", "enter")
        model = msgspec.structs.replace(CONFIG.model, attention=False)
        assert it.engine.sent(Open)[1:] == [Open(msgspec.structs.replace(CONFIG, model=model))]


async def test_a_small_window_keeps_the_cost_and_the_buttons_in_sight(desk: Opener) -> None:
    async with desk(size=(80, 24)) as it:
        form = await open_form(it)
        await it.until(lambda: it.engine.sent(Measure))
        await it.play(Measured(CONFIG, 802_560, 52_000_000, 0.06))
        for field in form.query("Input, Choice"):
            form.set_focus(field)
            await it.sees("0.80M parameters", "Start (Enter)", "Cancel (Esc)")


async def test_a_folder_that_does_not_answer_holds_up_nothing(
    desk: Opener, monkeypatch: pytest.MonkeyPatch
) -> None:
    answer, threads = threading.Event(), []

    def list_slowly(typed: str) -> str | None:
        threads.append(threading.current_thread())
        answer.wait()
        return f"{typed}.txt"

    monkeypatch.setattr("tui.screens.completion.complete", list_slowly)
    async with desk() as it:
        form = await open_form(it)
        await change(it, "corpus", "slow/a")
        await it.until(lambda: threads)
        await it.type("b")
        assert values(form)["corpus"] == "slow/ab"
        answer.set()
        await it.sees("slow/ab.txt")
    assert threading.main_thread() not in threads


async def test_the_corpus_is_completed(desk: Opener) -> None:
    async with desk() as it:
        form = await open_form(it)
        await change(it, "corpus", "ta")
        await it.sees("tales")
        await it.press("right")
        await it.until(lambda: values(form)["corpus"] == "tales")


async def test_keys_of_the_screen_below_are_text_here(desk: Opener) -> None:
    async with desk() as it:
        await open_form(it)
        await change(it, "corpus", "x q n p c ? [ ] l")

        assert [kind for kind in it.asked if not isinstance(kind, Measure)] == []
        assert len(it.app.screen_stack) == 2
