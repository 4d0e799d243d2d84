"""Arrays in the memory of a GPU, which are read by the CUDA array interface or DLPack."""

from __future__ import annotations

import ctypes as C
from dataclasses import dataclass
from typing import Any

import numpy as np

from ._torch import is_tensor

_ON_HOST = (1, 3, 11, 13)  # DLPack's devices with memory that the host can read: CPU, pinned by CUDA or ROCm, managed by CUDA
_CUDA = 2


def is_on_gpu(values: Any) -> bool:
    """Tell whether values are in the memory of a GPU."""
    if is_tensor(values):
        return values.device.type not in ("cpu", "meta")
    if hasattr(values, "__dlpack_device__"):
        return int(values.__dlpack_device__()[0]) not in _ON_HOST
    device = getattr(values, "device", None)
    return hasattr(values, "__cuda_array_interface__") or getattr(device, "type", "cpu") not in ("cpu", "")


@dataclass(frozen=True)
class DeviceArray:
    """An array of one or two dimensions in the memory of an NVIDIA GPU.

    Attributes
    ----------
    address : int
        The address of the first value.
    shape, strides : tuple of int
        The shape, and the strides in values.
    dtype : numpy.dtype
        The type, which is float32 or float64.
    stream : int
        The stream on which the values are ready; 0 is the default stream.
    owner : object
        The object that owns the memory.
    """

    address: int
    shape: tuple[int, ...]
    strides: tuple[int, ...]
    dtype: np.dtype[Any]
    stream: int
    owner: Any

    @property
    def ndim(self) -> int:
        """Return the number of dimensions."""
        return len(self.shape)


def _contiguous(shape: tuple[int, ...]) -> tuple[int, ...]:
    """Return the strides of an array in C order."""
    return (shape[1], 1) if len(shape) == 2 else (1,) * len(shape)


def _by_interface(values: Any, name: str) -> DeviceArray:
    """Read ``__cuda_array_interface__`` of version 2 or 3."""
    found = values.__cuda_array_interface__
    if found.get("mask") is not None:
        raise TypeError(f"{name} has a mask: leave the masked rows out")
    dtype, shape = np.dtype(found["typestr"]), tuple(int(size) for size in found["shape"])
    given = found.get("strides")
    if given is not None and any(stride % dtype.itemsize for stride in given):
        raise TypeError(f"{name} has strides that are no multiples of its values' size")
    strides = _contiguous(shape) if given is None else tuple(int(stride) // dtype.itemsize for stride in given)
    stream = found.get("stream")
    return DeviceArray(int(found["data"][0] or 0), shape, strides, dtype, 0 if stream in (None, 1) else int(stream), values)


class _Tensor(C.Structure):
    """The first members of DLPack's DLManagedTensor. The others are not needed."""

    _fields_ = [
        ("data", C.c_void_p),
        ("device_type", C.c_int32),
        ("device_id", C.c_int32),
        ("ndim", C.c_int32),
        ("code", C.c_uint8),
        ("bits", C.c_uint8),
        ("lanes", C.c_uint16),
        ("shape", C.POINTER(C.c_int64)),
        ("strides", C.POINTER(C.c_int64)),
        ("byte_offset", C.c_uint64),
    ]


def _by_dlpack(values: Any, name: str) -> DeviceArray:
    """Read a capsule of DLPack, which remains the owner of the memory. Its destructor frees the memory."""
    kind = int(values.__dlpack_device__()[0])
    if kind != _CUDA:
        raise TypeError(f"{name} is on a GPU: pass a copy on the host (DLPack's device {kind} is not CUDA's)")
    capsule = values.__dlpack__(stream=1)  # the default stream
    pointer_of = C.pythonapi.PyCapsule_GetPointer
    pointer_of.restype, pointer_of.argtypes = C.c_void_p, [C.py_object, C.c_char_p]
    tensor = _Tensor.from_address(pointer_of(capsule, b"dltensor") or 0)
    code_float = 2
    if tensor.code != code_float or tensor.lanes != 1 or tensor.bits not in (32, 64):
        raise TypeError(f"{name} is on a GPU and is neither float32 nor float64: convert it there, or pass a copy on the host")
    shape = tuple(tensor.shape[i] for i in range(tensor.ndim))
    strides = tuple(tensor.strides[i] for i in range(tensor.ndim)) if tensor.strides else _contiguous(shape)
    dtype = np.dtype(np.float32 if tensor.bits == 32 else np.float64)
    return DeviceArray((tensor.data or 0) + tensor.byte_offset, shape, strides, dtype, 0, (values, capsule))


def device_array(values: Any, name: str) -> DeviceArray:
    """Return a description of an array in the memory of a GPU.

    Raises
    ------
    TypeError
        The values are neither float32 nor float64, or are on a device of another kind.
    ValueError
        The values do not have one or two dimensions.
    """
    if is_tensor(values):
        values = values.detach()  # a tensor that requires a gradient does not support the interface
    if getattr(values, "__cuda_array_interface__", None) is not None:
        array = _by_interface(values, name)
    elif hasattr(values, "__dlpack__"):
        array = _by_dlpack(values, name)
    else:
        raise TypeError(f"{name} is on a GPU: pass a copy on the host (it has neither DLPack nor the CUDA array interface)")
    if array.dtype not in (np.dtype(np.float32), np.dtype(np.float64)):
        raise TypeError(f"{name} is on a GPU and has the type {array.dtype}: convert it to float32 or float64 there")
    if array.ndim not in (1, 2):
        raise ValueError(f"{name} must have 1 or 2 dimensions, and has {array.ndim}")
    return array
