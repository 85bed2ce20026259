"""Every setting has a description, refuses bad values, and is set by its name."""

import re

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.config import (
    PRESETS,
    SECTIONS,
    ModelConfig,
    SampleConfig,
    TrainConfig,
    all_settings,
    override,
    preset,
    small,
)
from engine.settings import Setting, plain

SETTINGS = list(all_settings().values())
SWITCHES = [setting for setting in SETTINGS if setting.kind is bool]


def key_of(setting: Setting) -> str:
    return setting.key


@pytest.mark.parametrize("setting", SETTINGS, ids=key_of)
def test_every_setting_has_a_description_a_range_and_a_default_within_it(setting: Setting) -> None:
    assert setting.description.endswith(".")
    assert len(setting.description) > 15
    assert " to " in setting.range or " or " in setting.range
    section, _, name = setting.key.partition(".")
    setting.check(getattr(SECTIONS[section](), name))


@pytest.mark.parametrize("name", PRESETS)
def test_every_preset_is_within_every_range(name: str) -> None:
    config = preset(name, "any")
    assert config.preset == name
    assert config.corpus == "any"
    for setting in SETTINGS:
        section, _, field = setting.key.partition(".")
        setting.check(getattr(getattr(config, section), field))


@pytest.mark.parametrize("setting", [s for s in SETTINGS if not s.choices], ids=key_of)
def test_both_ends_of_a_range_are_inside_and_what_is_beyond_is_refused(setting: Setting) -> None:
    assert setting.low is not None
    assert setting.high is not None
    for inside in (setting.low, setting.high):
        assert setting.parse(str(inside)) == inside
    for outside in (setting.low - 1, setting.high + 1):
        with pytest.raises(ValueError, match=f"^{setting.key} goes from .* is outside\\.$"):
            setting.parse(str(outside))
        with pytest.raises(ValueError, match=setting.key):
            setting.check(outside)


@pytest.mark.parametrize("setting", [s for s in SETTINGS if s.choices], ids=key_of)
def test_a_choice_is_one_of_its_words(setting: Setting) -> None:
    for word in setting.choices:
        value = setting.parse(word)
        assert (plain(value) if setting.kind is bool else value) == word
    first, *others = setting.choices
    words = f"{', '.join([first, *others[:-1]])} or {others[-1]}"
    assert setting.range == words
    with pytest.raises(ValueError, match=f"^{setting.key} is {words}, not 'abacus'\\.$"):
        setting.parse("abacus")
    with pytest.raises(ValueError, match=f"^{setting.key} is {words}, not 'abacus'\\.$"):
        setting.check("abacus")


def test_the_switches_are_those_of_the_architecture() -> None:
    names = ["qk_norm", "residual", "attention", "mlp", "tied_head"]
    assert [setting.key for setting in SWITCHES] == [f"model.{name}" for name in names]


@pytest.mark.parametrize("setting", SWITCHES, ids=key_of)
def test_a_switch_is_on_or_off(setting: Setting) -> None:
    assert setting.choices == ("on", "off")
    assert (setting.low, setting.high) == (None, None)
    assert setting.range == "on or off"
    for words, value in ((("on", "true", "yes"), True), (("off", "false", "no"), False)):
        for word in words:
            for typed in (word, word.upper(), word.title(), f"  {word}\t"):
                assert setting.parse(typed) is value
        assert setting.parse(plain(value)) is value
        setting.check(value)


@pytest.mark.parametrize("setting", SWITCHES, ids=key_of)
@pytest.mark.parametrize("typed", ["", " ", "1", "0", "1.0", "o", "onn", "on off", "None", "yes!"])
def test_other_words_are_no_switch(setting: Setting, typed: str) -> None:
    message = f"^{setting.key} is on or off, not {re.escape(repr(typed.strip()))}\\.$"
    with pytest.raises(ValueError, match=message):
        setting.parse(typed)
    with pytest.raises(ValueError, match=message):
        override(small("any"), [f"{setting.key}={typed}"])


@pytest.mark.parametrize("setting", SWITCHES, ids=key_of)
@pytest.mark.parametrize("value", ["on", 1, 0, 1.0, None])
def test_a_switch_holds_nothing_but_a_bool(setting: Setting, value: object) -> None:
    with pytest.raises(ValueError, match=f"^{setting.key} is on or off, not {value!r}\\.$"):
        setting.check(value)
    name = setting.key.partition(".")[2]
    with pytest.raises(ValueError, match=setting.key):
        ModelConfig(**{name: value})  # type: ignore[arg-type]
    with pytest.raises(msgspec.ValidationError, match=name):
        msgspec.json.decode(msgspec.json.encode({name: value}), type=ModelConfig)


@pytest.mark.parametrize("setting", SWITCHES, ids=key_of)
@pytest.mark.parametrize("value", [True, False])
def test_a_switch_survives_its_json(setting: Setting, value: bool) -> None:
    config = override(small("any"), [f"{setting.key}={plain(value)}"])
    name = setting.key.partition(".")[2]
    assert getattr(config.model, name) is value
    encoded = msgspec.json.encode(config)
    assert f'"{name}":{"true" if value else "false"}'.encode() in encoded
    assert msgspec.json.decode(encoded, type=type(config)) == config


def test_a_user_reads_a_switch_as_on_or_off() -> None:
    assert (plain(True), plain(False)) == ("on", "off")
    assert (plain(1), plain(0), plain(1.0)) == ("1", "0", "1")


@pytest.mark.parametrize("order", [("attention", "mlp"), ("mlp", "attention")])
def test_blocks_are_not_empty(order: tuple[str, str]) -> None:
    assignments = [f"model.{name}=off" for name in order]
    with pytest.raises(ValueError, match=r"\.$") as refusal:
        override(small("any"), assignments)
    assert (
        str(refusal.value) == "model.attention and model.mlp cannot both be off: blocks are empty."
    )
    for assignment in assignments:
        override(small("any"), [assignment])


def test_a_model_without_options_in_its_json_has_the_defaults() -> None:
    """As runs were saved before there were any."""
    old = b'{"context_length":256,"n_layer":4,"n_head":2,"n_embd":128,"dropout":0.0}'
    assert msgspec.json.decode(old, type=ModelConfig) == ModelConfig()


@given(st.sampled_from(SETTINGS), st.text() | st.floats().map(str) | st.integers().map(str))
def test_any_text_is_a_value_or_refused_with_a_message(setting: Setting, text: str) -> None:
    try:
        value = setting.parse(text)
    except ValueError as refusal:
        message = str(refusal)
    else:
        assert isinstance(value, setting.kind)
        setting.check(value)
        return
    assert message.startswith(setting.key)
    assert message.endswith(".")


@pytest.mark.parametrize(
    ("assignment", "message"),
    [
        ("train.steps=many", "train.steps takes a whole number, not 'many'."),
        ("train.steps=1.5", "train.steps takes a whole number, not '1.5'."),
        ("train.steps=", "train.steps takes a whole number, not ''."),
        ("train.learning_rate=fast", "train.learning_rate takes a number, not 'fast'."),
        ("train.learning_rate=7", "train.learning_rate goes from 0.00001 to 1, and 7 is outside."),
        (
            "train.learning_rate=nan",
            "train.learning_rate goes from 0.00001 to 1, and nan is outside.",
        ),
        (
            "train.seed=-1",
            "train.seed goes from 0 to 2,147,483,647, and -1 is outside.",
        ),
        ("train.device=tpu", "train.device is auto, cpu, cuda or mps, not 'tpu'."),
        (
            "model.activation=relu",
            "model.activation is squared_relu, gelu or swiglu, not 'relu'.",
        ),
        ("model.residual=maybe", "model.residual is on or off, not 'maybe'."),
        ("train.steps", "--set takes KEY=VALUE, not 'train.steps'."),
        ("model.n_embd=18", "model.n_embd 18 must divide by twice model.n_head (4)."),
        (
            "train.decay_fraction=1",
            "train.warmup_fraction and train.decay_fraction together are more than the whole run.",
        ),
    ],
)
def test_a_bad_setting_is_refused_with_a_message(assignment: str, message: str) -> None:
    with pytest.raises(ValueError, match=r"\.$") as refusal:
        override(small("any"), [assignment])
    assert str(refusal.value) == message


@pytest.mark.parametrize(
    ("key", "nearest"),
    [
        ("train.learning_rat", "train.learning_rate"),
        ("learning_rate", "train.learning_rate"),
        ("sample.temprature", "sample.temperature"),
        ("model.layers", "model.n_layer"),
        ("batch_size", "train.batch_size"),
        ("top", "sample.top_k"),
        ("train.Steps", "train.steps"),
        ("model.tied", "model.tied_head"),
        ("model.qknorm", "model.qk_norm"),
    ],
)
def test_an_unknown_setting_offers_the_nearest(key: str, nearest: str) -> None:
    with pytest.raises(ValueError, match=f"^There is no setting '{key}'; near it: .*{nearest}"):
        override(small("any"), [f"{key}=1"])


@pytest.mark.parametrize("key", ["", ".", "train", "train.", ".steps", "nowhere.steps", "a.b.c"])
def test_a_key_that_is_no_key_is_refused(key: str) -> None:
    with pytest.raises(ValueError, match=r"^There is no setting "):
        override(small("any"), [f"{key}=1"])


def test_an_unknown_preset_offers_the_nearest() -> None:
    with pytest.raises(ValueError, match=r"^There is no preset 'smal'; near it: small\.$"):
        preset("smal", "any")


ANOTHER_VALUE: dict[str, object] = {
    "model.activation": "gelu",
    "model.norm": "layernorm",
    "model.positions": "learned",
    "model.qk_norm": False,
    "model.residual": False,
    "model.attention": False,
    "model.mlp": False,
    "model.tied_head": True,
    "model.context_length": 64,
    "model.n_layer": 2,
    "model.n_head": 4,
    "model.n_embd": 64,
    "train.precision": "float32",
    "train.device": "cpu",
    "train.batch_size": 3,
    "train.steps": 3,
    "train.evaluation_interval": 3,
    "train.threads": 3,
    "train.seed": 3,
    "sample.seed": 3,
    "sample.top_k": 3,
    "sample.characters": 3,
}


@pytest.mark.parametrize("setting", SETTINGS, ids=key_of)
def test_every_setting_can_be_set_by_its_name(setting: Setting) -> None:
    section, _, name = setting.key.partition(".")
    value = ANOTHER_VALUE.get(setting.key, 0.15)
    before = small("any")
    typed = plain(value) if setting.kind is bool else str(value)
    after = override(before, [f"{setting.key}={typed}"])
    assert (
        getattr(getattr(after, section), name) == value != getattr(getattr(before, section), name)
    )
    changed = msgspec.structs.replace(getattr(before, section), **{name: value})
    assert after == msgspec.structs.replace(before, **{section: changed})


def test_later_settings_win_and_the_rest_stays() -> None:
    config = override(
        small("any"), ["train.steps=5", " model.n_embd =64", "train.steps = 1_000", "train.seed=7"]
    )
    assert (config.train.steps, config.train.seed, config.model.n_embd) == (1000, 7, 64)
    assert config.sample == SampleConfig()
    assert config.model.n_layer == 4


def test_stop_characters_are_taken_as_they_are() -> None:
    assert override(small("any"), ["sample.stop= =\n"]).sample.stop == " =\n"


@pytest.mark.parametrize("section", [ModelConfig, TrainConfig, SampleConfig])
def test_a_section_refuses_unknown_fields_and_bad_values_however_it_is_built(
    section: type[ModelConfig | TrainConfig | SampleConfig],
) -> None:
    with pytest.raises(msgspec.ValidationError, match="unknown field"):
        msgspec.json.decode(b'{"colour": 1}', type=section)
    name = section.__struct_fields__[0]
    with pytest.raises(ValueError, match=name):
        section(**{name: -5})
    with pytest.raises(ValueError, match=name):
        msgspec.structs.replace(section(), **{name: -5})
    with pytest.raises(msgspec.ValidationError):
        msgspec.json.decode(f'{{"{name}": -5}}'.encode(), type=section)


@pytest.mark.parametrize("name", PRESETS)
def test_a_config_survives_its_json(name: str) -> None:
    config = preset(name, "any")
    assert msgspec.json.decode(msgspec.json.encode(config), type=type(config)) == config


def test_a_decimal_comma_is_refused_and_thousands_are_read() -> None:
    assert all_settings()["train.steps"].parse("12,500") == 12_500
    for typed in ("0,5", "1,5", "12,50"):
        with pytest.raises(ValueError, match=r"train\.minutes takes a number"):
            all_settings()["train.minutes"].parse(typed)
