"""The operators that can be exported: MXNet's name -> translator, one file for each family.

A translator takes a node of the symbol and its context, appends ONNX nodes, and returns the
tensor, or the tensors, that are the node's outputs. Every attribute must be read or marked as
ignored; an attribute that no translator looked at is an ExportError.
"""

from __future__ import annotations

from collections.abc import Mapping

from zoo.onnx.context import Translator
from zoo.onnx.operators import (
    activations,
    arithmetic,
    attention,
    boxes,
    comparison,
    control,
    convolution,
    creation,
    dense,
    elementwise,
    embedding,
    images,
    indexing,
    matrix,
    multibox,
    normalization,
    numpy_arrays,
    numpy_math,
    pooling,
    random,
    recurrent,
    reductions,
    resizing,
    sequence,
    shapes,
    slicing,
    softmax,
    sorting,
    spatial,
    special,
    triangles,
)

OPERATORS: Mapping[str, Translator] = {
    **activations.OPERATORS,
    **arithmetic.OPERATORS,
    **attention.OPERATORS,
    **boxes.OPERATORS,
    **comparison.OPERATORS,
    **control.OPERATORS,
    **convolution.OPERATORS,
    **creation.OPERATORS,
    **dense.OPERATORS,
    **elementwise.OPERATORS,
    **embedding.OPERATORS,
    **images.OPERATORS,
    **indexing.OPERATORS,
    **matrix.OPERATORS,
    **multibox.OPERATORS,
    **normalization.OPERATORS,
    **numpy_arrays.OPERATORS,
    **numpy_math.OPERATORS,
    **pooling.OPERATORS,
    **random.OPERATORS,
    **recurrent.OPERATORS,
    **reductions.OPERATORS,
    **resizing.OPERATORS,
    **sequence.OPERATORS,
    **shapes.OPERATORS,
    **slicing.OPERATORS,
    **softmax.OPERATORS,
    **sorting.OPERATORS,
    **spatial.OPERATORS,
    **special.OPERATORS,
    **triangles.OPERATORS,
}


def supported_operators() -> list[str]:
    """MXNet's names of the operators that can be exported, sorted."""
    return sorted(OPERATORS, key=lambda name: (name.strip("_").lower(), name))
