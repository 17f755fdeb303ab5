"""Functions that PyTorch has at top level with arguments of their own."""

from typing import Any

from ...ops.build import Tensor, in_float32
from ...ops.windows.pooling import adaptive_max_pool
from . import normalization


@in_float32
def adaptive_max_pool1d(input: Tensor, output_size: Any) -> tuple[Tensor, Tensor]:
    """Return the maxima of `nn.functional.adaptive_max_pool1d` and their places."""
    return adaptive_max_pool(1, input, output_size, True)


def batch_norm(
    input: Tensor,
    weight: Tensor | None,
    bias: Tensor | None,
    running_mean: Tensor | None,
    running_var: Tensor | None,
    training: bool,
    momentum: float,
    eps: float,
    cudnn_enabled: bool,
) -> Tensor:
    """Return `nn.functional.batch_norm`; ``cudnn_enabled`` says nothing."""
    return normalization.batch_norm(
        input, running_mean, running_var, weight, bias, training, momentum, eps
    )


def instance_norm(
    input: Tensor,
    weight: Tensor | None,
    bias: Tensor | None,
    running_mean: Tensor | None,
    running_var: Tensor | None,
    use_input_stats: bool,
    momentum: float,
    eps: float,
    cudnn_enabled: bool,
) -> Tensor:
    """Return `nn.functional.instance_norm`; ``cudnn_enabled`` says nothing."""
    return normalization.instance_norm(
        input, running_mean, running_var, weight, bias, use_input_stats, momentum, eps
    )
