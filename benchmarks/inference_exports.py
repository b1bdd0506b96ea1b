"""One export in a process of its own, and what it costs: prints CPU seconds and peak memory.

python benchmarks/inference_exports.py weights|ours|mx2onnx|written CASE FOLDER
"""

from __future__ import annotations

import contextlib
import json
import sys
import time
import types
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import inference_networks as networks
import numpy as np
import onnx
from inference_cases import CASES, LAYERS, Case, draw_inputs
from written_graphs import write_graph

import zoo
from zoo import params
from zoo._mxnet import mx

Cost = dict[str, float]


@contextlib.contextmanager
def measured() -> Iterator[Cost]:
    """CPU seconds of the block, the process's peak memory before it and after it."""
    mx.nd.waitall()
    cost = {"gigabytes_before": _peak()}
    start = time.process_time()
    yield cost
    cost["cpu_seconds"] = time.process_time() - start
    cost["peak_gigabytes"] = _peak()


def _peak() -> float:
    # of this program; what getrusage tells begins at the peak of the one that started it
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmHWM")) * 1024 / 1e9


def export_ours(case: Case, weights: Path, target: Path) -> Cost:
    """As a user does, every axis that can be free."""
    net = networks.load(case, weights)
    free = None if case.network in ("lenet", "lstm_lm") else {"data": ("batch", 3, 224, 224)}
    with measured() as cost:
        zoo.export_onnx(net, target, inputs=free, check=False)
    return cost


def export_stock(case: Case, weights: Path, target: Path) -> Cost:
    """By MXNet's own mx2onnx, with what a current onnx lacks put in its place, as opset 13."""
    net = networks.load(case, weights)
    net.hybridize()
    networks.run(net, [mx.nd.array(one) for one in draw_inputs(case)])
    stem = str(target.with_suffix(""))
    net.export(stem)
    files = [f"{stem}-symbol.json", f"{stem}-0000.params"]
    with measured() as cost:
        _stand_in(13)
        import mxnet.onnx

        mxnet.onnx.export_model(*files, [*case.shapes.values()], np.float32, str(target))
    for path in files:
        Path(path).unlink()
    return cost


def _stand_in(opset: int) -> None:
    """mx2onnx takes the newest opset there is for its own, and imports a module since removed."""
    types_of = {
        number: onnx.helper.tensor_dtype_to_np_dtype(number)
        for number in onnx.helper.get_all_tensor_dtypes()
        if number not in (onnx.TensorProto.BFLOAT16, onnx.TensorProto.STRING)
    }
    mapping: Any = types.ModuleType("onnx.mapping")
    mapping.TENSOR_TYPE_TO_NP_TYPE = types_of
    mapping.NP_TYPE_TO_TENSOR_TYPE = {kind: number for number, kind in reversed(types_of.items())}
    sys.modules["onnx.mapping"] = onnx.mapping = mapping
    onnx.defs.onnx_opset_version = lambda: opset
    plain = onnx.helper.make_model
    imports = [onnx.helper.make_opsetid("", opset)]
    onnx.helper.make_model = lambda graph: plain(graph, opset_imports=imports, ir_version=7)
    for name in ("bool", "float", "int", "object"):
        if name not in vars(np):
            setattr(np, name, {"bool": bool, "float": float, "int": int, "object": object}[name])


def export_written(case: Case, weights: Path, target: Path) -> Cost:
    """The graph that somebody would write who knows ONNX and the network."""
    net = networks.load(case, weights)
    with measured() as cost:
        write_graph(case.network, params.arrays(net), LAYERS, target)
    return cost


EXPORTS = {"ours": export_ours, "mx2onnx": export_stock, "written": export_written}


def main() -> None:
    what, name, folder = sys.argv[1], sys.argv[2], Path(sys.argv[3])
    case = CASES[name]
    weights = folder / f"{case.network}.params"
    if what == "weights":
        networks.draw_weights(case, weights)
        return
    print(json.dumps(EXPORTS[what](case, weights, folder / f"{name}.{what}.onnx")))


if __name__ == "__main__":
    main()
