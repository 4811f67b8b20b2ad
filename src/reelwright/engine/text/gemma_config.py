"""What a Gemma 3 text model's own config says of its architecture, checked where it enters.

Read are the forms that there are of it: an old and a new one in Hugging Face's `config.json`, flat
or as the section of a model with sight, and llama.cpp's values in a GGUF. A key that is absent has
the default of Hugging Face's class, since published files leave out what equals it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, ClassVar, Literal

from pydantic import Field, ValidationError, model_validator

from reelwright.engine.checkpoints.config import Count, Layers, Section
from reelwright.errors import CheckpointError

LayerKind = Literal["sliding_attention", "full_attention"]

TEXT_MODEL, SEEING_MODEL = "gemma3_text", "gemma3"

PATTERN = 6
"""Every layer of this number sees everything, the others a window."""

GEMMA3_12B = {
    "model_type": TEXT_MODEL,
    "hidden_size": 3840,
    "intermediate_size": 15360,
    "num_hidden_layers": 48,
    "num_attention_heads": 16,
    "num_key_value_heads": 8,
    "sliding_window": 1024,
    "rope_scaling": {"rope_type": "linear", "factor": 8.0},
}
"""LTX-2's own text encoder, for files that carry no config. Its tensors still have to agree."""


class GemmaRope(Section):
    """How one kind of layer rotates.

    Attributes:
        rope_theta: Ratio of the highest to the lowest frequency.
        rope_type: Whether positions are divided by the factor.
        factor: What positions are divided by.
    """

    rope_theta: float = Field(gt=1)
    rope_type: Literal["default", "linear"] = "default"
    factor: float = Field(1.0, gt=0)

    @property
    def divisor(self) -> float:
        """What positions are divided by."""
        return self.factor if self.rope_type == "linear" else 1.0


class GemmaConfig(Section):
    """Sizes and settings of a Gemma 3 text model; names are those of `config.json`."""

    fixed: ClassVar[dict[str, Any]] = {
        "attention_bias": False,
        "attn_logit_softcapping": None,
        "hidden_activation": "gelu_pytorch_tanh",
        "use_bidirectional_attention": False,
    }

    vocab_size: Annotated[int, Field(ge=1, le=1 << 24)] = 262208
    hidden_size: Count = 2304
    intermediate_size: Annotated[int, Field(ge=1, le=1 << 20)] = 9216
    num_hidden_layers: Layers = 26
    num_attention_heads: Count = 8
    num_key_value_heads: Count = 4
    head_dim: Annotated[int, Field(ge=2, le=65536, multiple_of=2)] = 256
    query_pre_attn_scalar: float = Field(256.0, gt=0)
    rms_norm_eps: float = Field(1e-6, gt=0, lt=1)
    sliding_window: Annotated[int, Field(ge=1)] | None = 4096
    layer_types: tuple[LayerKind, ...]
    rope_parameters: dict[LayerKind, GemmaRope]

    @model_validator(mode="before")
    @classmethod
    def _from_any_form(cls, fields: Any) -> Any:
        """Bring the forms of the layers and the rotations into one."""
        if not isinstance(fields, dict):
            return fields
        # Null is absent, but for the window, where it means that there is none.
        fields = {k: v for k, v in fields.items() if v is not None or k == "sliding_window"}
        return {
            **fields,
            "layer_types": fields.get("layer_types") or _layer_types(fields),
            "rope_parameters": _rope_parameters(fields),
        }

    @model_validator(mode="after")
    def _agrees_with_itself(self) -> GemmaConfig:
        if len(self.layer_types) != self.num_hidden_layers:
            raise ValueError(
                f"layer_types names {len(self.layer_types)} layers, "
                f"num_hidden_layers is {self.num_hidden_layers}"
            )
        if self.num_attention_heads % self.num_key_value_heads:
            raise ValueError(
                f"{self.num_attention_heads} heads cannot share {self.num_key_value_heads} keys"
            )
        return self

    def window(self, kind: LayerKind) -> int | None:
        """Tokens that a layer of a kind sees, itself among them; None for all before it."""
        return self.sliding_window if kind == "sliding_attention" else None


def parse_gemma_config(fields: object, where: str) -> GemmaConfig:
    """Read a Gemma 3 model's config.

    Args:
        fields: What stands in `config.json`: the text model's own, or of a model with sight.
        where: The file, for messages.

    Raises:
        CheckpointError: It is of another model, or cannot be built.
    """
    if not isinstance(fields, Mapping):
        raise refuse_model("The config is not a table.", where)
    kind, text = fields.get("model_type"), dict(fields)
    if kind == SEEING_MODEL and isinstance(fields.get("text_config"), Mapping):
        text = dict(fields["text_config"])
        kind = text.get("model_type", TEXT_MODEL)
    if kind != TEXT_MODEL:
        raise refuse_model(f"The model is {str(kind)[:60]!r}, not Gemma 3 with text.", where)
    try:
        return GemmaConfig.model_validate(text)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        key = ".".join(str(part) for part in first["loc"])
        raise refuse_model(
            f"The config cannot be used: {key + ': ' if key else ''}{first['msg']}.", where
        ) from error


def _layer_types(fields: Mapping[str, Any]) -> list[str]:
    """The kinds of the layers where only their pattern is given."""
    pattern = fields.get("sliding_window_pattern", fields.get("_sliding_window_pattern", PATTERN))
    try:
        count, every = int(fields.get("num_hidden_layers", 26)), int(pattern)
    except (TypeError, ValueError) as error:
        raise ValueError(f"sliding_window_pattern is {str(pattern)[:40]!r}") from error
    if every < 1 or not 0 < count <= 1024:
        raise ValueError(f"{count} layers in a pattern of {every}")
    return ["full_attention" if (i + 1) % every == 0 else "sliding_attention" for i in range(count)]


def _rope_parameters(fields: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    """The rotations of both kinds of layers, from the new form or the old."""
    given = fields.get("rope_parameters", {})
    if not isinstance(given, Mapping) or not given.keys() <= {
        "sliding_attention",
        "full_attention",
    }:
        raise ValueError("rope_parameters does not tell local layers from global ones")
    scaling = fields.get("rope_scaling", {})
    old: dict[str, dict[str, Any]] = {
        "sliding_attention": {"rope_theta": fields.get("rope_local_base_freq", 10_000.0)},
        "full_attention": {"rope_theta": fields.get("rope_theta", 1_000_000.0)},
    }
    if isinstance(scaling, Mapping):
        kind = scaling.get("rope_type", scaling.get("type", "default"))
        old["full_attention"] |= {**scaling, "rope_type": kind}
    return {kind: {**before, **(given.get(kind) or {})} for kind, before in old.items()}


def refuse_model(what: str, where: str) -> CheckpointError:
    """The error for what is not Gemma 3, or not as it should be."""
    return CheckpointError(
        what, "Use Gemma 3 12B, the text encoder that LTX-2 was trained with.", where=where
    )
