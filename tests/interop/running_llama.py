"""llama.cpp in tests: its server, as the package xllamacpp brings it."""

import json
from pathlib import Path
from typing import Any
from urllib.request import Request, urlopen

import xllamacpp


class Llama:
    """A model that is loaded, on one thread."""

    def __init__(self, path: Path, *, exact: bool = False) -> None:
        """`exact`: everything is computed in float32; by default keys and values are not."""
        parameters = xllamacpp.CommonParams()
        parameters.model.path = str(path)
        parameters.n_ctx = 4096  # at most: the model's own is less
        parameters.n_parallel = 1
        parameters.cpuparams.n_threads = parameters.cpuparams_batch.n_threads = 1
        if exact:
            float32 = xllamacpp.ggml_type.GGML_TYPE_F32
            parameters.cache_type_k = parameters.cache_type_v = float32
            off = xllamacpp.llama_flash_attn_type.LLAMA_FLASH_ATTN_TYPE_DISABLED
            parameters.flash_attn_type = off
        parameters.warmup = parameters.fit_params = False
        parameters.verbosity = -1  # silent
        self._server = xllamacpp.Server(parameters)

    def complete(self, prompt: str, characters: int, **options: object) -> dict[str, Any]:
        """A continuation of the prompt: the `text`, and the `finish_reason`."""
        request = {"prompt": prompt, "max_tokens": characters, **options}
        return self._server.handle_completions(request)["choices"][0]

    def chat(self, prompt: str, characters: int) -> str:
        """The likeliest answer to a message."""
        messages = [{"role": "user", "content": prompt}]
        request = {"messages": messages, "max_tokens": characters, "temperature": 0}
        return self._server.handle_chat_completions(request)["choices"][0]["message"]["content"]

    def tokenize(self, text: str) -> list[int]:
        return self._ask("/tokenize", {"content": text})["tokens"]

    def detokenize(self, tokens: list[int]) -> str:
        return self._ask("/detokenize", {"tokens": tokens})["content"]

    def defaults(self) -> dict[str, Any]:
        """Its default sampling settings."""
        return self._ask("/props")["default_generation_settings"]["params"]

    def _ask(self, path: str, content: object = None) -> Any:
        body = None if content is None else json.dumps(content).encode()
        request = Request(self._server.listening_address + path, body)
        with urlopen(request) as response:
            return json.load(response)
