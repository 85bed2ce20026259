"""The folder for transformers: what is in its files, without that library (tests/interop has it)."""

import html
import json
import os
import re
import stat
from pathlib import Path
from typing import Any

import msgspec
import pytest
import safetensors.torch
import torch
from driving import Driver, is_a, only, saved_run
from markdown_it import MarkdownIt
from shaping import OPTIONS, awake, named, shape, some_ids

from data.safe_text import safe_text
from engine.config import ModelConfig, RunConfig
from engine.export import hf, hf_reader
from engine.export.apertus import FAMILY
from engine.export.card import card
from engine.export.exporting import export
from engine.export.proof import Proof
from engine.export.source import Source
from engine.model.tokenizer import Vocabulary
from engine.protocol import Close, Exported, ExportRun
from engine.session.building import fresh_progress
from engine.storage.run_info import CorpusInfo, RunInfo

TEXT = "abcdefghijk" * 40


def source(config: ModelConfig, **changes: Any) -> Source:
    """A run of that shape with random weights, that was never saved."""
    run = RunConfig(corpus="tales", model=config)
    corpus = CorpusInfo("tales", "a grammar", "MIT", "00", "abcdefghijk")
    info = RunInfo(run, corpus, torch="2", created="")
    progress = msgspec.structs.replace(fresh_progress(run), step=7, evaluated=7, loss=1.5)
    vocabulary = Vocabulary("abcdefghijk")
    made = Source("owl", Path(), info, TEXT, 7, 1.5, 16, awake(config), vocabulary, progress)
    return made._replace(**changes)


@pytest.mark.parametrize("option", OPTIONS, ids=named)
def test_every_option_is_exported_equal_or_refused_by_its_name(
    option: tuple[str, object], tmp_path: Path
) -> None:
    name, value = option
    exported = source(shape(**{name: value}))
    if name in ("tied_head", "rope_base"):
        *_, event = export(exported, ExportRun("owl", "hf", str(tmp_path / "out")))
        assert isinstance(event, Exported)
        assert event.largest_difference is not None
        assert event.largest_difference < 1e-5 * event.largest_logit
        assert event.equal_prompts == event.prompts > 0
    else:
        with pytest.raises(ValueError, match=rf"model\.{named(option)}\b.*without loss"):
            next(export(exported, ExportRun("owl", "hf", str(tmp_path / "out"))))
        assert not (tmp_path / "out").exists()


def test_a_text_with_hardly_any_validation_part_is_compared(tmp_path: Path) -> None:
    short = source(shape(), text="abcdefghijk" * 2)
    *_, event = export(short, ExportRun("owl", "hf", str(tmp_path / "out")))
    assert isinstance(event, Exported)
    assert event.equal_prompts == event.prompts == 1
    assert event.written > 0


def test_every_field_of_the_model_is_a_size_or_known_to_the_family() -> None:
    """A new option of the architecture is one that the family fixes, or is looked at here."""
    sizes = {
        "context_length",
        "n_layer",
        "n_head",
        "n_embd",
        "dropout",
        "tied_head",
        "rope_base",
        "local_start",
    }
    tokens = {"tokenizer", "vocabulary"}
    assert {*ModelConfig.__struct_fields__} == {*FAMILY} | sizes | tokens
    assert {name: getattr(ModelConfig(), name) for name in FAMILY} == FAMILY


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """An exported folder."""
    for _ in export(source(shape()), ExportRun("owl", "hf", str(tmp_path / "out"))):
        pass
    return tmp_path / "out"


def test_the_files_are_those_that_other_programs_look_for(folder: Path) -> None:
    names = {path.name for path in folder.iterdir()}
    assert names == {
        "README.md",
        "config.json",
        "generation_config.json",
        "model.safetensors",
        "tinygpt.json",
        "tokenizer.json",
        "tokenizer_config.json",
    }
    old = os.umask(0)
    os.umask(old)
    assert {stat.S_IMODE(path.stat().st_mode) for path in folder.iterdir()} == {0o666 & ~old}


def test_the_config_is_what_vllm_and_sglang_ask_for(folder: Path) -> None:
    """They take no other activation than xIELU, read `rope_theta` and `rope_scaling` beside the
    newer `rope_parameters`, and take the family's default where a value is missing."""
    config = json.loads((folder / "config.json").read_text())
    assert config["architectures"] == ["ApertusForCausalLM"]
    assert config["hidden_act"] == "xielu"
    assert config["rope_parameters"] == {"rope_type": "default", "rope_theta": 10_000.0}
    assert (config["rope_theta"], config["rope_scaling"]) == (10_000.0, None)
    assert config["num_key_value_heads"] == config["num_attention_heads"] == 2
    assert config["max_position_embeddings"] == 16
    assert (config["qk_norm"], config["post_norm"]) == (True, False)
    assert [config[f"{name}_bias"] for name in ("attention", "mlp")] == [False, False]
    tokens = [config[f"{name}_token_id"] for name in ("bos", "eos", "pad")]
    assert tokens == [None, None, None]
    tensors = safetensors.torch.load_file(folder / "model.safetensors")
    layer = "model.layers.0"
    for name, shape_of in (("alpha_p", [1]), ("alpha_n", [1]), ("beta", []), ("eps", [])):
        assert list(tensors[f"{layer}.mlp.act_fn.{name}"].shape) == shape_of
    for name in ("self_attn.q_norm", "self_attn.k_norm", "attention_layernorm"):
        assert (tensors[f"{layer}.{name}.weight"] == 1).all()
    assert {tensor.dtype for tensor in tensors.values()} == {torch.float32}


def test_what_is_compared_is_computed_by_the_numbers_in_the_files(folder: Path) -> None:
    """The comparison finds a wrong constant: each is used as the file has it."""
    back = hf_reader.read(folder)
    ids = some_ids(2, 16)
    ours = source(shape()).model(ids)
    assert (back.logits(ids) - ours).abs().max() < 1e-5
    found = hf_reader.read_folder(folder)
    tensors = hf_reader.read_tensors(found)
    for name in ("mlp.act_fn.alpha_p", "mlp.act_fn.beta", "self_attn.q_norm.weight"):
        tensor = tensors[f"model.layers.1.{name}"]
        before = tensor.clone()
        tensor += 0.5
        assert (hf_reader.reference(found, tensors).logits(ids) - ours).abs().max() > 1e-3, name
        tensor.copy_(before)


def test_the_folder_of_the_users_text_is_not_published(verse_file: Path, tmp_path: Path) -> None:
    """Anybody may read what is exported; the name of the text is enough."""
    run = saved_run(verse_file)
    events = Driver().when(is_a(Exported), Close())
    only(events.run(ExportRun(run, "hf", str(tmp_path / "out"))), Exported)
    for path in (tmp_path / "out").iterdir():
        assert str(verse_file.parent).encode() not in path.read_bytes()
    assert b"verse.txt" in (tmp_path / "out" / "README.md").read_bytes()


def test_the_card_tells_text_loss_figures_and_limits() -> None:
    proof = Proof(2.9e-5, 23.4, 1024, 4, 3, 64)
    text = card(source(shape()), proof, ("A sentence on the format.",))
    for line in (
        "| name | tales |",
        "| license | MIT |",
        "| validation loss | 1.5000 nats a character |",
        "| bits a character | 2.1640 |",
        "- character-level",
        "| largest difference of two logits | 2.9e-05 |",
        "| prompts continued with the same text | 3 of 4, for 64 characters, the likeliest each time |",
        "- A sentence on the format.",
        "| `model.n_embd` | 16 |",
    ):
        assert line in text.splitlines(), line
    compile(text.partition("```python\n")[2].partition("```")[0], "example", "exec")


def test_what_a_stranger_wrote_is_no_markup_in_the_card() -> None:
    hostile = "](http://x) <img src=x>\n# `|` www.x.com \x1b[2J \u202e @you"
    made = source(shape())
    corpus = msgspec.structs.replace(
        made.info.corpus, name=hostile, source=hostile, license=hostile, sha256=hostile
    )
    config = msgspec.structs.replace(made.info.config, preset=hostile)
    info = msgspec.structs.replace(made.info, corpus=corpus, config=config)
    text = card(made._replace(info=info, text="```\n" + hostile), Proof(0, 1, 1, 1, 1, 1), ())
    plain = card(made, Proof(0, 1, 1, 1, 1, 1), ())
    assert text.count("\n") == plain.count("\n")
    page = MarkdownIt("gfm-like").render(text.partition("---\n\n")[2])
    assert page.count(html.escape(safe_text(hostile))) == 5
    assert not re.search(r"<(?:a|img|h1>[^o])", page)
    assert page.count("<code") - page.count("<td><code>") == 1  # the example


def test_a_text_with_half_characters_is_refused() -> None:
    halves = source(shape(), tokenizer=Vocabulary("abcdefghij\ud83e"))
    with pytest.raises(ValueError, match=r"1 halves of characters .*U\+D83E"):
        hf.check(halves)
