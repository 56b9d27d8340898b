"""The recurrent network language model (Mikolov et al. 2010, after Elman 1990).

    h_t = tanh(W x_t + U h_t-1 + b)

The hidden state is the only memory: what is to be known of the past has to survive every step's tanh. Mikolov's
units are sigmoids; with tanh, as here and in PyTorch, states have mean zero and gradients last longer.
"""

from __future__ import annotations

from types import MappingProxyType

from engine.autograd.rnn import RNNReading
from engine.models.recurrent import RecurrentModel


class RNN(RecurrentModel):
    """The simple recurrent model on `Tensor`; the arguments are those of `RecurrentModel`."""

    cell = RNNReading
    equations = MappingProxyType({"hidden": "h{n} = tanh(W{n} {x} + U{n} h{n}(t-1) + b{n})"})
