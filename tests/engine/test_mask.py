from __future__ import annotations

import torch
from torch import Tensor
from torch.nn.functional import scaled_dot_product_attention

from reelwright.engine.denoiser.mask import GroupMask, KeyMask, SampleMask, log_strength


def _qkv(generator: torch.Generator, batch: int = 2, tokens: int = 6) -> list[Tensor]:
    return [torch.randn(batch, 2, tokens, 4, generator=generator) for _ in range(3)]


def test_groups_attend_as_their_matrix_says(generator: torch.Generator) -> None:
    mask = GroupMask.whole(3).append(2, 0.5).append(1, 0.25)
    qkv = _qkv(generator)
    bias = log_strength(mask.matrix(), torch.float32)
    expected = scaled_dot_product_attention(*qkv, attn_mask=bias)
    assert torch.allclose(mask.attend(*qkv), expected, atol=1e-6)
    assert mask.matrix()[3, 5] == 0, "appended groups do not see each other"


def test_groups_are_found_again() -> None:
    matrix = GroupMask.whole(4).append(3, 0.5).append(2, 0.0).matrix()
    found = GroupMask.from_matrix(matrix)
    assert found.strengths.shape == (3, 3)
    assert torch.equal(found.matrix(), matrix)


def test_one_group_is_no_mask(generator: torch.Generator) -> None:
    qkv = _qkv(generator)
    expected = scaled_dot_product_attention(*qkv)
    assert torch.allclose(GroupMask.whole(6).attend(*qkv), expected, atol=1e-6)


def test_a_dropped_key_is_as_if_absent(generator: torch.Generator) -> None:
    q, k, v = _qkv(generator)
    mask = KeyMask.from_valid(torch.tensor([[1, 1, 1, 0, 0, 0]] * 2), torch.float32)
    expected = scaled_dot_product_attention(q, k[:, :, :3], v[:, :, :3])
    assert torch.allclose(mask.attend(q, k, v), expected, atol=1e-6)


def test_a_text_of_nothing_but_padding_is_no_nan(generator: torch.Generator) -> None:
    q, k, v = _qkv(generator)
    mask = KeyMask.from_valid(torch.zeros(2, 6, dtype=torch.long), torch.float32)
    assert torch.allclose(mask.attend(q, k, v), v.mean(2, keepdim=True).expand_as(v), atol=1e-6)


def test_fractions_are_biases_already() -> None:
    bias = torch.tensor([[0.0, -2.5]])
    assert torch.equal(KeyMask.from_valid(bias, torch.float32).bias[:, 0, 0], bias)


def test_masks_by_sample(generator: torch.Generator) -> None:
    qkv = _qkv(generator)
    masks = [GroupMask.whole(6), GroupMask.whole(4).append(2, 0.1)]
    both = SampleMask(masks)
    for i, mask in enumerate(masks):
        alone = mask.attend(*(x[i : i + 1] for x in qkv))
        assert torch.allclose(both.attend(*qkv)[i : i + 1], alone, atol=1e-6)
    assert both.pick(torch.tensor([1])).masks == [masks[1]]


def test_log_of_strengths() -> None:
    logs = log_strength(torch.tensor([1.0, 0.5, 0.0]), torch.float32)
    assert logs[0] == 0
    assert torch.isclose(logs[1], torch.tensor(0.5).log())
    assert logs[2] == torch.finfo(torch.float32).min
