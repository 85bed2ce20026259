"""A folder for transformers: config, safetensors, tokenizer, and what this program reads it back by.

It loads as the library's own ApertusForCausalLM, without custom code.
"""

import hashlib
from pathlib import Path
from typing import Any

import msgspec

from engine.config import ModelConfig, SampleConfig
from engine.export.apertus import check_family, named_tensors
from engine.export.card import card
from engine.export.hf_settings import SETTINGS, Settings
from engine.export.proof import Proof
from engine.export.source import Source
from engine.export.tokenizer_json import check_tokenizer, tokenizer_content
from engine.model.gpt import NORM_EPSILON
from engine.model.tokenizer import Vocabulary
from engine.protocol import Precision
from engine.storage.atomic import replace_file
from engine.storage.tensors import as_file

WEIGHTS = "model.safetensors"


def check(source: Source) -> None:
    """ValueError, with a user-facing message, for a run that the format cannot hold."""
    check_family(source.model.config)
    check_tokenizer(source.tokenizer)


def notes(source: Source) -> tuple[str, ...]:
    """What the format cannot carry."""
    return (
        f"The app goes on past its context of {source.context_length:,} {source.noun}s by forgetting "
        "the oldest; the format has no such setting, and other programs end there or write nonsense.",
        *(
            ("Characters that the text does not have are left out of a prompt, as in the app.",)
            if isinstance(source.tokenizer, Vocabulary)
            else ()
        ),
    )


def write(source: Source, folder: Path, precision: Precision) -> None:
    """Write the folder, but for its README.md."""
    folder.mkdir()
    weights = as_file(dict(named_tensors(source.model)), {"format": "pt"})
    settings = Settings(
        run=source.name,
        context_length=source.context_length,
        progress=source.progress,
        config=source.info.config,
        corpus=source.info.corpus,
        sha256=hashlib.sha256(weights).hexdigest(),
        tokenizer=source.info.tokenizer,
    )
    size = len(source.tokenizer)
    documents: dict[str, object] = {
        "config.json": config_json(source.model.config, size, source.context_length),
        "generation_config.json": _generation_config(source.info.config.sample),
        "tokenizer_config.json": _tokenizer_config(source.context_length),
        SETTINGS: settings,
    }
    for name, document in documents.items():
        content = msgspec.json.format(msgspec.json.encode(document), indent=2)
        replace_file(folder / name, [content, b"\n"])
    replace_file(folder / "tokenizer.json", [tokenizer_content(source.tokenizer)])
    replace_file(folder / WEIGHTS, [weights])


def describe(source: Source, folder: Path, proof: Proof) -> None:
    """Write README.md, with the figures of the comparison."""
    text = card(source, proof, notes(source))
    replace_file(folder / "README.md", [text.encode("utf-8", "replace")])


def config_json(config: ModelConfig, vocabulary: int, context_length: int) -> dict[str, Any]:
    """The content of `config.json`. The defaults of the family would be other values throughout:
    each is named. Tokens that begin, end or fill a text: there are none, and the default numbers
    would be tokens of the text."""
    return {
        "architectures": ["ApertusForCausalLM"],
        "model_type": "apertus",
        "dtype": "float32",
        "torch_dtype": "float32",  # its name before transformers 4.56
        "vocab_size": vocabulary,
        "hidden_size": config.n_embd,
        "intermediate_size": 4 * config.n_embd,
        "num_hidden_layers": config.n_layer,
        "num_attention_heads": config.n_head,
        "num_key_value_heads": config.n_head,
        "hidden_act": "xielu",
        "rms_norm_eps": NORM_EPSILON,
        "qk_norm": True,
        "post_norm": False,
        "max_position_embeddings": context_length,
        "rope_parameters": {"rope_type": "default", "rope_theta": config.rope_base},
        "rope_theta": config.rope_base,  # as before transformers 5, and in other programs
        "rope_scaling": None,
        "tie_word_embeddings": config.tied_head,
        "attention_bias": False,
        "attention_dropout": 0.0,
        "mlp_bias": False,
        "initializer_range": 0.02,
        "use_cache": True,
        "bos_token_id": None,
        "eos_token_id": None,
        "pad_token_id": None,
    }


def _generation_config(config: SampleConfig) -> dict[str, Any]:
    sampling: dict[str, Any] = {"do_sample": False}
    if config.temperature:
        sampling = {
            "do_sample": True,
            "temperature": config.temperature,
            "top_k": config.top_k,
            "top_p": config.top_p or 1.0,
        }
    return {
        **sampling,
        "bos_token_id": None,
        "eos_token_id": None,
        "pad_token_id": None,
    }


def _tokenizer_config(context_length: int) -> dict[str, Any]:
    return {
        "tokenizer_class": "PreTrainedTokenizerFast",
        "clean_up_tokenization_spaces": False,
        "model_max_length": context_length,
    }
