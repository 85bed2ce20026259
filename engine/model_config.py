"""The shape and the parts of the GPT.

The defaults are those of a run that was saved before it had the setting; the presets
(`engine.config`) name what they have otherwise.
"""

from typing import Annotated, ClassVar, Literal

from msgspec import Meta

from engine.settings import Section


class ModelConfig(Section, frozen=True, forbid_unknown_fields=True):
    """The shape of the GPT (recipe: 4 layers, width 128)."""

    section: ClassVar[str] = "model"

    context_length: Annotated[
        int, Meta(ge=8, le=4096, description="Tokens (characters) the model sees at once.")
    ] = 256
    tokenizer: Annotated[
        Literal["characters", "bytes", "bpe"],
        Meta(description="What a token is: a character, a byte, or a piece of text (BPE)."),
    ] = "characters"
    vocabulary: Annotated[
        int, Meta(ge=257, le=65_536, description="Tokens that bpe learns, the 256 bytes included.")
    ] = 1_024
    n_layer: Annotated[int, Meta(ge=1, le=48, description="Number of blocks.")] = 4
    n_head: Annotated[int, Meta(ge=1, le=32, description="Attention heads in each block.")] = 2
    n_embd: Annotated[
        int, Meta(ge=16, le=2048, description="Embedding width: numbers for each position.")
    ] = 128
    dropout: Annotated[
        float,
        Meta(ge=0, le=0.9, description="Fraction of activations dropped, against overfitting."),
    ] = 0.0
    activation: Annotated[
        Literal["squared_relu", "gelu", "swiglu"], Meta(description="Nonlinearity of the MLP.")
    ] = "squared_relu"
    norm: Annotated[
        Literal["rmsnorm", "layernorm", "none"],
        Meta(description="Normalization before each sublayer and the head."),
    ] = "rmsnorm"
    positions: Annotated[
        Literal["rotary", "learned", "none"],
        Meta(description="How attention knows the order of tokens."),
    ] = "rotary"
    rope_base: Annotated[
        float,
        Meta(ge=10, le=1e7, description="Longest wavelength of rotary positions, in 2π tokens."),
    ] = 10_000.0
    local_start: Annotated[
        float,
        Meta(
            ge=0, le=100, description="Attention begins at the nearest tokens: how firmly; 0: not."
        ),
    ] = 0.0
    qk_norm: Annotated[
        bool, Meta(description="RMSNorm of queries and keys: attention scores stay small.")
    ] = True
    residual: Annotated[
        bool, Meta(description="Each sublayer adds to its input instead of replacing it.")
    ] = True
    attention: Annotated[
        bool, Meta(description="Blocks have attention; else only the last token counts.")
    ] = True
    mlp: Annotated[bool, Meta(description="Blocks have an MLP.")] = True
    tied_head: Annotated[bool, Meta(description="The head uses the weights of the embedding.")] = (
        False
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.n_embd % (2 * self.n_head):
            raise ValueError(
                f"model.n_embd {self.n_embd} must divide by twice model.n_head ({2 * self.n_head})."
            )
        if not (self.attention or self.mlp):
            raise ValueError("model.attention and model.mlp cannot both be off: blocks are empty.")

    def vocabulary_of(self, characters: int) -> int:
        """The number of tokens, for a text of so many distinct characters; for bpe at most."""
        return {"characters": characters, "bytes": 256, "bpe": self.vocabulary}[self.tokenizer]

    @property
    def head_dim(self) -> int:
        """The width of one attention head."""
        return self.n_embd // self.n_head
