"""Every setting describes itself, refuses values outside its range, and can be set by its name."""

import re

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.config import (
    PRESETS,
    SECTIONS,
    ModelConfig,
    RunConfig,
    SampleConfig,
    TrainConfig,
    all_settings,
    override,
    preset,
    small,
)
from engine.settings import Setting, plain

SETTINGS = list(all_settings().values())


def key_of(setting: Setting) -> str:
    return setting.key


def default_of(setting: Setting) -> object:
    section, _, name = setting.key.partition(".")
    return getattr(SECTIONS[section](), name)


@pytest.mark.parametrize("setting", SETTINGS, ids=key_of)
def test_every_setting_has_a_description_a_range_and_a_default_within_it(setting: Setting) -> None:
    assert setting.description.endswith(".")
    assert len(setting.description) > 15
    assert " to " in setting.range or " or " in setting.range
    setting.check(default_of(setting))


@pytest.mark.parametrize("name", PRESETS)
def test_every_preset_is_within_every_range(name: str) -> None:
    config = preset(name, "any")
    assert config.preset == name
    assert config.corpus == "any"
    for setting in SETTINGS:
        section, _, field = setting.key.partition(".")
        setting.check(getattr(getattr(config, section), field))


@pytest.mark.parametrize("setting", [s for s in SETTINGS if not s.choices], ids=key_of)
def test_both_ends_of_a_range_are_accepted_and_values_outside_are_refused(setting: Setting) -> None:
    assert setting.low is not None
    assert setting.high is not None
    for inside in (setting.low, setting.high):
        assert setting.parse(str(inside)) == inside
    for outside in (setting.low - 1, setting.high + 1):
        with pytest.raises(ValueError, match=f"^{setting.key} goes from .* is outside\\.$"):
            setting.parse(str(outside))
        with pytest.raises(ValueError, match=setting.key):
            setting.check(outside)


@pytest.mark.parametrize(
    "setting", [s for s in SETTINGS if s.choices and s.kind is str], ids=key_of
)
def test_a_choice_is_one_of_its_words(setting: Setting) -> None:
    for word in setting.choices:
        assert setting.parse(word) == word
        setting.check(word)
    assert setting.range == ", ".join(setting.choices[:-1]) + f" or {setting.choices[-1]}"
    for refuse in (setting.parse, setting.check):
        with pytest.raises(ValueError, match=r"\.$") as refusal:
            refuse("abacus")
        assert str(refusal.value) == f"{setting.key} is {setting.range}, not 'abacus'."


def test_the_choices_of_each_setting_that_has_some() -> None:
    assert {s.key: s.choices for s in SETTINGS if s.choices and s.kind is str} == {
        "model.activation": ("squared_relu", "gelu", "swiglu"),
        "model.norm": ("rmsnorm", "layernorm", "none"),
        "model.positions": ("rotary", "learned", "none"),
        "model.tokenizer": ("characters", "bytes", "bpe"),
        "train.optimizer": ("muon", "normuon", "adamw"),
        "train.device": ("auto", "cpu", "cuda", "mps"),
        "train.precision": ("auto", "float32", "bfloat16", "int16", "int8"),
        "train.compile": ("auto", "on", "off"),
        "text.shuffle": ("off", "characters", "words", "lines"),
    }


def test_a_run_saved_before_a_setting_existed_is_as_it_was_then() -> None:
    saved = msgspec.json.decode(b'{"corpus": "any", "model": {}, "train": {}}', type=RunConfig)
    assert (saved.model.rope_base, saved.train.optimizer) == (10_000, "muon")
    assert (saved.model.local_start, saved.train.momentum_share) == (0, 0.9)
    for name in PRESETS:
        fresh = preset(name, "any")
        assert (fresh.model.rope_base, fresh.train.optimizer) == (200, "normuon")


SWITCHES = [s for s in SETTINGS if s.kind is bool]


def test_the_settings_that_are_on_or_off() -> None:
    assert {s.key: plain(default_of(s)) for s in SWITCHES} == {
        "model.qk_norm": "on",
        "model.residual": "on",
        "model.attention": "on",
        "model.mlp": "on",
        "model.tied_head": "off",
        "train.val_documents": "off",
        "log.tensorboard": "off",
    }


@pytest.mark.parametrize("setting", SWITCHES, ids=key_of)
def test_a_switch_is_read_from_on_or_off_and_their_synonyms(setting: Setting) -> None:
    assert setting.choices == ("on", "off")
    assert setting.range == "on or off"
    for word, value in (
        ("on", True),
        ("true", True),
        ("yes", True),
        ("off", False),
        ("false", False),
        ("no", False),
    ):
        for typed in (word, word.upper(), word.title(), f"  {word} \n"):
            assert setting.parse(typed) is value
        setting.check(value)
        assert setting.parse(plain(value)) is value
    for typed in ("", "1", "0", "y", "n", "onn", "maybe", "none", "on off", "True or false"):
        with pytest.raises(ValueError, match=r"\.$") as refusal:
            setting.parse(typed)
        assert str(refusal.value) == f"{setting.key} is on or off, not {typed!r}."


@pytest.mark.parametrize("setting", SWITCHES, ids=key_of)
@pytest.mark.parametrize("value", [1, 0, 1.0, "on", "off", "true", None])
def test_only_a_bool_is_the_value_of_a_switch(setting: Setting, value: object) -> None:
    section, _, name = setting.key.partition(".")
    message = f"^{setting.key} is on or off, not {re.escape(repr(value))}\\.$"
    with pytest.raises(ValueError, match=message):
        setting.check(value)
    with pytest.raises(ValueError, match=message):
        SECTIONS[section](**{name: value})
    with pytest.raises(msgspec.ValidationError):
        msgspec.json.decode(msgspec.json.encode({name: value}), type=ModelConfig)


def test_a_switch_is_shown_as_on_or_off() -> None:
    assert (plain(True), plain(False)) == ("on", "off")


@pytest.mark.parametrize("setting", [s for s in SETTINGS if s.choices], ids=key_of)
def test_every_choice_survives_its_json(setting: Setting) -> None:
    section, _, name = setting.key.partition(".")
    for word in setting.choices:
        config = override(small("any"), [f"{setting.key}={word}"])
        again = msgspec.json.decode(msgspec.json.encode(config), type=RunConfig)
        assert again == config
        value = getattr(getattr(again, section), name)
        assert type(value) is setting.kind
        assert value == setting.parse(word)


@pytest.mark.parametrize("order", [1, -1])
def test_blocks_without_both_sublayers_are_refused(order: int) -> None:
    both = ["model.attention=off", "model.mlp=off"][::order]
    message = "model.attention and model.mlp cannot both be off: blocks are empty."
    with pytest.raises(ValueError, match=r"\.$") as refusal:
        override(small("any"), both)
    assert str(refusal.value) == message
    with pytest.raises(msgspec.ValidationError, match=message.removesuffix(".")):
        msgspec.json.decode(b'{"attention": false, "mlp": false}', type=ModelConfig)
    for one in both:  # either alone is a model
        override(small("any"), [one])


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
        ("model.qk_norm=maybe", "model.qk_norm is on or off, not 'maybe'."),
        ("model.norm=batch", "model.norm is rmsnorm, layernorm or none, not 'batch'."),
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
        ("model.tied", "model.tied_head"),
        ("activations", "model.activation"),
        ("train.Steps", "train.steps"),
    ],
)
def test_an_unknown_setting_offers_the_nearest(key: str, nearest: str) -> None:
    with pytest.raises(ValueError, match=f"^There is no setting '{key}'; near it: .*{nearest}"):
        override(small("any"), [f"{key}=1"])


@pytest.mark.parametrize("key", ["", ".", "train", "train.", ".steps", "nowhere.steps", "a.b.c"])
def test_a_malformed_key_is_refused(key: str) -> None:
    with pytest.raises(ValueError, match=r"^There is no setting "):
        override(small("any"), [f"{key}=1"])


def test_an_unknown_preset_offers_the_nearest() -> None:
    with pytest.raises(ValueError, match=r"^There is no preset 'smal'; near it: small\.$"):
        preset("smal", "any")


ANOTHER_VALUE = {
    "model.context_length": 64,
    "model.n_layer": 2,
    "model.n_head": 4,
    "model.n_embd": 64,
    "model.rope_base": 500.0,
    "model.activation": "swiglu",
    "model.norm": "layernorm",
    "model.tokenizer": "bytes",
    "model.vocabulary": 300,
    "model.positions": "learned",
    "log.tensorboard": True,
    "model.qk_norm": False,
    "model.residual": False,
    "model.attention": False,
    "model.mlp": False,
    "model.tied_head": True,
    "train.precision": "float32",
    "train.device": "cpu",
    "train.optimizer": "adamw",
    "train.val_documents": True,
    "train.accumulation": 3,
    "train.compile": "off",
    "text.shuffle": "words",
    "train.batch_size": 3,
    "train.steps": 3,
    "train.evaluation_interval": 3,
    "train.val_characters": 3,
    "train.threads": 3,
    "train.moments_mb": 3,
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
    typed = plain(value) if isinstance(value, bool) else str(value)
    after = override(before, [f"{setting.key}={typed}"])
    assert (
        getattr(getattr(after, section), name) == value != getattr(getattr(before, section), name)
    )
    changed = msgspec.structs.replace(getattr(before, section), **{name: value})
    assert after == msgspec.structs.replace(before, **{section: changed})


def test_later_settings_win_and_the_others_stay() -> None:
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
