"""One block of the transformer: each stream to itself, to its text, to the other, and on.

Order: video to itself and to its text; audio likewise; then each to the other, both reading what
stood before either heard; then the feed-forward layers. What a noise level decides comes in as
`StreamStep`, what holds for a whole run as `StreamLayout`: the block computes neither.
"""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor, nn

from reelwright.engine.denoiser.attention import Attention
from reelwright.engine.denoiser.feed_forward import FeedForward
from reelwright.engine.denoiser.modulation import modulate, spread
from reelwright.engine.denoiser.norm import rms_normalise
from reelwright.engine.denoiser.perturbation import BlockPlan, Samples
from reelwright.engine.denoiser.stream import BlockShape, Stream, StreamShape, StreamStep


class StreamBlock(nn.Module):
    """One stream's own layers of a block.

    Args:
        stream: Sizes of the stream.
        shape: What all blocks have in common.
    """

    prompt_scale_shift_table: nn.Parameter | None

    def __init__(self, stream: StreamShape, shape: BlockShape) -> None:
        super().__init__()
        width, heads, head_width = stream.width, stream.heads, stream.head_width
        self.eps = shape.eps
        self.self_attention = Attention(
            width, width, heads, head_width, gated=shape.gated, eps=shape.eps
        )
        self.text_attention = Attention(
            width, stream.context_width, heads, head_width, gated=shape.gated, eps=shape.eps
        )
        self.feed_forward = FeedForward(width, bias=stream.ff_bias)
        self.scale_shift_table = nn.Parameter(torch.empty(shape.rows, width))
        prompt = nn.Parameter(torch.empty(2, width)) if shape.modulated_text else None
        self.register_parameter("prompt_scale_shift_table", prompt)

    def attend(self, stream: Stream, kept: Samples) -> Stream:
        """Attend to itself, then to the text."""
        x, layout = stream.hidden, stream.layout
        shift, scale, gate = self._rows(stream.step, slice(0, 3))
        h = modulate(rms_normalise(x, self.eps), scale, shift)
        h = self.self_attention(
            h, h, rope=layout.rope, context_rope=layout.rope, mask=layout.mask, kept=kept
        )
        return self._attend_text(stream.at(torch.addcmul(x, gate, h)))

    def _attend_text(self, stream: Stream) -> Stream:
        x, step, layout = stream.hidden, stream.step, stream.layout
        asking, context = rms_normalise(x, self.eps), layout.context
        if self.prompt_scale_shift_table is None:
            return stream.at(x + self.text_attention(asking, context, mask=layout.context_mask))
        shift, scale, gate = self._rows(step, slice(6, 9))
        prompt = self.prompt_scale_shift_table.unsqueeze(0)
        prompt = prompt if step.prompt is None else prompt + step.prompt
        context = modulate(context, prompt[:, 1:2], prompt[:, 0:1])
        asking = modulate(asking, scale, shift)
        heard = self.text_attention(asking, context, mask=layout.context_mask)
        return stream.at(torch.addcmul(x, gate, heard))

    def expand(self, stream: Stream) -> Stream:
        """Run the feed-forward layer."""
        x = stream.hidden
        shift, scale, gate = self._rows(stream.step, slice(3, 6))
        wide = self.feed_forward(modulate(rms_normalise(x, self.eps), scale, shift))
        return stream.at(torch.addcmul(x, gate, wide))

    def _rows(self, step: StreamStep, rows: slice) -> list[Tensor]:
        table = self.scale_shift_table[rows] + step.modulation[..., rows, :]
        return [spread(row, step.index) for row in table.unbind(-2)]


class CrossBlock(nn.Module):
    """What the streams hear from each other.

    The rows of its tables: scale and shift as the audio is heard, scale and shift as the video is
    seen, and the gate of what the table's own stream hears. Scale comes first here, unlike in every
    other table.

    Args:
        video: Sizes of the video stream.
        audio: Sizes of the audio stream; its heads do the listening both ways.
        shape: What all blocks have in common.
    """

    def __init__(self, video: StreamShape, audio: StreamShape, shape: BlockShape) -> None:
        super().__init__()
        sizes = (audio.heads, audio.head_width)
        self.eps = shape.eps
        self.audio_to_video = Attention(
            video.width, audio.width, *sizes, gated=shape.gated, eps=shape.eps
        )
        self.video_to_audio = Attention(
            audio.width, video.width, *sizes, gated=shape.gated, eps=shape.eps
        )
        self.video_table = nn.Parameter(torch.empty(5, video.width))
        self.audio_table = nn.Parameter(torch.empty(5, audio.width))

    def forward(self, video: Stream, audio: Stream, plan: BlockPlan) -> tuple[Stream, Stream]:
        """Both directions, each reading what stood before either."""
        video_rows, video_gate = _cross_rows(self.video_table, video.step)
        audio_rows, audio_gate = _cross_rows(self.audio_table, audio.step)
        seen, heard = rms_normalise(video.hidden, self.eps), rms_normalise(audio.hidden, self.eps)
        return (
            _listen(
                video,
                audio,
                self.audio_to_video,
                modulate(seen, *video_rows[0:2]),
                modulate(heard, *audio_rows[0:2]),
                video_gate,
                plan.audio_to_video,
            ),
            _listen(
                audio,
                video,
                self.video_to_audio,
                modulate(heard, *audio_rows[2:4]),
                modulate(seen, *video_rows[2:4]),
                audio_gate,
                plan.video_to_audio,
            ),
        )


class Block(nn.Module):
    """One block: both streams, or the one that the model has.

    Args:
        shape: What all blocks have in common.

    Attributes:
        video: Layers of the video stream, where the model has one.
        audio: Layers of the audio stream, where the model has one.
        cross: What they hear from each other, where the model has both.
    """

    video: StreamBlock
    audio: StreamBlock
    cross: CrossBlock

    def __init__(self, shape: BlockShape) -> None:
        super().__init__()
        if shape.video is not None:
            self.video = StreamBlock(shape.video, shape)
        if shape.audio is not None:
            self.audio = StreamBlock(shape.audio, shape)
        if shape.video is not None and shape.audio is not None:
            self.cross = CrossBlock(shape.video, shape.audio, shape)

    def forward(
        self, video: Stream | None, audio: Stream | None, plan: BlockPlan
    ) -> tuple[Stream | None, Stream | None]:
        """Run the block.

        Args:
            video: The video stream; None where there is none in this run.
            audio: The audio stream; None where there is none in this run.
            plan: Which samples take part in which attention.
        """
        video = video and self.video.attend(video, plan.video_self)
        audio = audio and self.audio.attend(audio, plan.audio_self)
        if video and audio:
            video, audio = self.cross(video, audio, plan)
        return video and self.video.expand(video), audio and self.audio.expand(audio)


def _cross_rows(table: Float[Tensor, "5 D"], step: StreamStep) -> tuple[list[Tensor], Tensor]:
    """The four rows of scale and shift, per token, and the gate."""
    if step.cross is None or step.cross_gate is None:
        raise ValueError("a step of two streams needs the modulation between them")
    rows = (table[:4] + step.cross).unbind(-2)
    return [spread(row, step.index) for row in rows], table[4] + step.cross_gate


def _listen(
    listener: Stream,
    source: Stream,
    attention: Attention,
    asking: Float[Tensor, "B T D"],
    asked: Float[Tensor, "B S E"],
    gate: Float[Tensor, "B 1 D"],
    kept: Samples,
) -> Stream:
    """Add what one stream hears from the other, for the samples that take part."""
    x, ropes = listener.hidden, (listener.layout.cross_rope, source.layout.cross_rope)
    if kept is None:
        heard = attention(asking, asked, rope=ropes[0], context_rope=ropes[1])
        return listener.at(torch.addcmul(x, gate, heard))
    rope, context_rope = (table and table.pick(kept) for table in ropes)
    heard = attention(asking[kept], asked[kept], rope=rope, context_rope=context_rope)
    heard = torch.addcmul(x[kept], gate[kept], heard)
    return listener.at(x.index_copy(0, kept, heard))
