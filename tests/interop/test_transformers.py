"""An exported folder in Hugging Face transformers and tokenizers, without custom code."""

from itertools import islice
from pathlib import Path
from typing import Any

import pytest

transformers = pytest.importorskip("transformers")

import torch  # noqa: E402
from driving import Driver, only, saved_run  # noqa: E402

from engine.config import SampleConfig  # noqa: E402
from engine.export.source import Source  # noqa: E402
from engine.generation.sampler import sample  # noqa: E402
from engine.model.decoder import decoder_for  # noqa: E402
from engine.protocol import Close, Exported, ExportRun  # noqa: E402
from engine.session.sources import source_of  # noqa: E402

MANY = """\
Die Eule saß im Café, «né en été»: naïve façade, größer als Ärger.
梟は月より早く起きて、星を数えた。猫头鹰说：一颗星。 부엉이가 별을 센다.
\t🦉 counted ✨ and 👩‍🚀 flew 🏳️‍🌈 by; \u00a0\u200b\u2028 e\u0301 ≠ é. ﷽ \U000e0041
\r\nEnd. ▁ Ġ <s> </s> [UNK] <|endoftext|>
"""


def exported(run: str, folder: Path) -> Source:
    """The run that is exported to a folder."""
    events = Driver().when(lambda event: isinstance(event, Exported), Close())
    only(events.run(ExportRun(run, "hf", str(folder))), Exported)
    return source_of(run)


def model_in(folder: Path) -> Any:
    model = transformers.AutoModelForCausalLM.from_pretrained(folder)
    assert type(model) is transformers.ApertusForCausalLM
    return model.eval()


def tokenizer_in(folder: Path) -> Any:
    return transformers.AutoTokenizer.from_pretrained(folder)


TOKENS = ("characters", "bytes", "bpe")


@pytest.mark.parametrize(
    ("tied", "kind"), [("on", "characters"), *(("off", kind) for kind in TOKENS)]
)
def test_logits_and_greedy_text_are_those_of_the_app(
    verse_file: Path, tmp_path: Path, tied: str, kind: str
) -> None:
    """Over 256 tokens, and from a prompt until the context is full."""
    verse_file.write_text(3 * verse_file.read_text())
    shape = ("model.context_length=256", "model.n_layer=3", "model.n_embd=64", "model.n_head=2")
    tokens = (f"model.tokenizer={kind}", "model.vocabulary=300")
    run = saved_run(
        verse_file, *shape, *tokens, f"model.tied_head={tied}", "train.context_warmup=0"
    )
    source = exported(run, tmp_path / "out")
    model = model_in(tmp_path / "out")
    ids = source.tokenizer.encode_corpus(source.text)[:256].long()
    with torch.no_grad():
        ours, theirs = source.model(ids[None]), model(ids[None]).logits
    assert ours.abs().max() > 1
    assert (ours - theirs).abs().max() < 1e-4
    assert torch.equal(ours.argmax(-1), theirs.argmax(-1))

    prompt = source.tokenizer.encode("The owl")
    decoder = decoder_for(source.model.config, len(source.tokenizer))
    decoder.load_weights(source.model, 256)
    stream = sample(decoder, prompt, SampleConfig(temperature=0), torch.Generator())
    written = list(islice((id_ for id_ in stream if id_ is not None), 256 - len(prompt)))
    out = model.generate(torch.tensor([prompt]), do_sample=False, max_length=256)
    assert out[0].tolist() == prompt + written


def test_the_example_in_the_card_runs(
    verse_file: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """With the sampling settings of the run, from the folder itself."""
    exported(saved_run(verse_file), tmp_path / "out")
    card = (tmp_path / "out" / "README.md").read_text(encoding="utf-8")
    monkeypatch.chdir(tmp_path / "out")
    capsys.readouterr()
    exec(card.partition("```python\n")[2].partition("```")[0], {})
    printed = capsys.readouterr().out
    assert printed.startswith("The owl ")
    assert len(printed) == 16 + 1  # the context, and a line break


@pytest.mark.parametrize("kind", TOKENS)
def test_the_tokenizer_is_that_of_the_app_on_any_text(tmp_path: Path, kind: str) -> None:
    text = tmp_path / "many.txt"
    text.write_text(MANY * 12, encoding="utf-8", newline="")
    tokens = (f"model.tokenizer={kind}", "model.vocabulary=300")
    source = exported(saved_run(text, *tokens), tmp_path / "out")
    assert_equal_ids(source, tokenizer_in(tmp_path / "out"), source.text)
    assert_equal_ids(source, tokenizer_in(tmp_path / "out"), "Eule zażółć 梟蛙 🦉🐸\n\r\t  é")


@pytest.mark.parametrize("kind", TOKENS)
def test_the_tokenizer_is_that_of_the_app_on_all_of_shakespeare(
    shakespeare_file: Path, tmp_path: Path, kind: str
) -> None:
    run = saved_run(shakespeare_file, "train.steps=1", f"model.tokenizer={kind}")
    source = exported(run, tmp_path / "out")
    assert_equal_ids(source, tokenizer_in(tmp_path / "out"), source.text)


def assert_equal_ids(source: Source, tokenizer: Any, text: str) -> None:
    """Ids are equal, unknown characters are dropped, and what is decoded is the text."""
    known, _ = source.tokenizer.split_known(text)
    ids = tokenizer(text)["input_ids"]
    assert ids == source.tokenizer.encode(known)
    assert tokenizer.decode(ids) == known
