"""The recurrent cores by name; each maps (B, T, D) to hidden states (B, T, H), as `torch.nn.GRU` does."""

from collections.abc import Callable

from torch import nn

CORES: dict[str, Callable[..., nn.RNNBase]] = {"gru": nn.GRU, "lstm": nn.LSTM, "rnn": nn.RNN}
