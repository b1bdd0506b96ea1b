"""Recurrent language model with a decoder tied to its embedding.

Zaremba, Sutskever and Vinyals (2014) for the regularised LSTM; Press and Wolf (2017) for the
tying. Input: token ids (time, batch) and states; output: logits (time, batch, vocabulary).
2 layers of 200 with the WikiText-2 vocabulary of 33,278: 7,332,078 parameters. Differs from
Zaremba: tied weights, and dropout 0.2 by default.
"""

from __future__ import annotations

from typing import Any

from zoo._mxnet import gluon, mx, nn
from zoo.errors import ConfigError
from zoo.models.sizes import check_sizes
from zoo.records import TensorSpec

_MOST_LAYERS = 1000  # Gluon makes four parameters of each, whatever a stranger's record says
CELLS = ("lstm", "gru", "rnn_tanh", "rnn_relu")


def _recurrent(cell: str, hidden_size: int, layers: int, dropout: float, input_size: int) -> Any:
    sizes = {"num_layers": layers, "dropout": dropout, "input_size": input_size}
    if cell == "lstm":
        return gluon.rnn.LSTM(hidden_size, **sizes)
    if cell == "gru":
        return gluon.rnn.GRU(hidden_size, **sizes)
    return gluon.rnn.RNN(hidden_size, activation=cell.removeprefix("rnn_"), **sizes)


class LSTMLM(gluon.HybridBlock):  # type: ignore[misc]
    """Token ids (time, batch), states -> logits (time, batch, vocabulary), states.

    `states` is a list of arrays (layers, batch, hidden): hidden and cell for `lstm`, hidden alone
    for the other cells.
    """

    def __init__(
        self,
        vocabulary_size: int = 33278,
        embed_size: int = 200,
        hidden_size: int = 200,
        layers: int = 2,
        dropout: float = 0.2,
        cell: str = "lstm",
        tie_weights: bool = True,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        check_sizes(vocabulary_size=vocabulary_size, embed_size=embed_size)
        check_sizes(hidden_size=hidden_size, layers=layers)
        if layers > _MOST_LAYERS:
            raise ConfigError(f"layers is at most {_MOST_LAYERS}, not {layers}.")
        if not 0 <= dropout < 1:
            raise ConfigError(f"dropout is at least 0 and below 1, not {dropout}.")
        if cell not in CELLS:
            raise ConfigError(f"cell is one of {', '.join(CELLS)}, not {cell!r}.")
        if tie_weights and embed_size != hidden_size:
            raise ConfigError(
                f"Tied weights need embed_size equal to hidden_size, not {embed_size} and "
                f"{hidden_size}: make them equal or pass tie_weights=False."
            )
        with self.name_scope():
            self.embedding = nn.Embedding(vocabulary_size, embed_size)
            self.dropout = nn.Dropout(dropout)
            self.rnn = _recurrent(cell, hidden_size, layers, dropout, embed_size)
            self.decoder = nn.Dense(
                vocabulary_size,
                flatten=False,
                in_units=hidden_size,
                params=self.embedding.params if tie_weights else None,
            )
        self._states = ("h", "c") if cell == "lstm" else ("h",)
        self._state_shape = (layers, "batch", hidden_size)

    def input_specs(self) -> list[TensorSpec]:
        """What `export_onnx` takes for inputs unless it is told otherwise."""
        data = TensorSpec("data", ("time", "batch"), "int64")
        return [data, *(TensorSpec(name, self._state_shape) for name in self._states)]

    def begin_state(self, batch_size: int = 1, ctx: Any = None) -> list[Any]:
        """Zero states, each (layers, batch_size, hidden)."""
        return list(self.rnn.begin_state(batch_size, ctx=ctx or mx.cpu()))

    def hybrid_forward(self, F: Any, data: Any, states: Any) -> Any:
        embedded = self.dropout(self.embedding(data))
        hidden, states = self.rnn(embedded, states)
        return self.decoder(self.dropout(hidden)), states
