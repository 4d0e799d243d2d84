"""Conversion of tensors and linear layers of PyTorch. Only the function that creates a layer imports PyTorch."""

from __future__ import annotations

from typing import Any

import numpy as np


def is_tensor(values: Any) -> bool:
    """Tell whether values are a tensor of PyTorch."""
    return any(kind.__name__ == "Tensor" and kind.__module__.split(".")[0] == "torch" for kind in type(values).__mro__)


def readable_tensor(tensor: Any, name: str) -> Any:
    """Return a tensor on the host in a form that NumPy can read, without a copy if possible.

    A sparse tensor becomes a matrix of SciPy.

    Raises
    ------
    TypeError
        The tensor has no values, or its rows have different lengths.
    """
    if tensor.device.type == "meta":
        raise TypeError(f"{name} is on the device meta, where tensors have no values")
    if tensor.is_nested:
        raise TypeError(f"{name} is a nested tensor: pass rows of one length (torch.nested.to_padded_tensor)")
    tensor = tensor.detach()
    if tensor.is_quantized:
        tensor = tensor.dequantize()
    if str(tensor.layout) != "torch.strided":
        return _sparse(tensor, name)
    tensor = tensor.resolve_conj().resolve_neg()
    is_small = tensor.is_floating_point() and tensor.element_size() <= 2 and str(tensor.dtype) != "torch.float16"
    return tensor.float() if is_small else tensor  # NumPy has neither bfloat16 nor floats of 8 bits


def _sparse(tensor: Any, name: str) -> Any:
    """Return a sparse tensor as a CSR matrix of SciPy."""
    from scipy.sparse import coo_matrix, csr_matrix

    if tensor.ndim != 2 or tensor.dense_dim() > 0:
        raise TypeError(f"{name} is a sparse tensor that is not a matrix of numbers: pass {name}.to_dense()")
    shape = tuple(tensor.shape)
    if str(tensor.layout) == "torch.sparse_csr":
        values = np.asarray(readable_tensor(tensor.values(), name))
        return csr_matrix((values, tensor.col_indices().numpy(), tensor.crow_indices().numpy()), shape=shape)
    found = tensor.to_sparse_coo().coalesce()
    return coo_matrix((np.asarray(readable_tensor(found.values(), name)), found.indices().numpy()), shape=shape).tocsr()


def layer_arrays(layer: Any) -> tuple[Any, Any]:
    """Return the weight and the bias of a ``torch.nn.Linear`` as arrays of float64. The bias is None if the layer has none."""
    if getattr(getattr(layer, "weight", None), "ndim", 0) != 2 or not hasattr(layer, "bias"):
        raise TypeError(f"layer must be a torch.nn.Linear, not {type(layer).__name__}: pass the layer alone")
    weight, bias = (None if of is None else of.detach().double().cpu().numpy() for of in (layer.weight, layer.bias))
    return weight, bias


def make_layer(weight: Any, bias: Any, dtype: Any) -> Any:
    """Return a ``torch.nn.Linear`` with the given weight, bias and type, which is float64 by default."""
    import torch

    layer = torch.nn.Linear(weight.shape[1], weight.shape[0], dtype=dtype or torch.float64)
    with torch.no_grad():
        layer.weight.copy_(torch.from_numpy(weight.copy()))
        layer.bias.copy_(torch.from_numpy(bias.copy()))
    return layer
