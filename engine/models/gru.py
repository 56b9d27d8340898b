"""The GRU language model (Cho et al. 2014, "Learning Phrase Representations using RNN Encoder-Decoder").

    r_t = sigmoid(W_r x_t + U_r h_t-1 + b_r)                    the reset gate
    z_t = sigmoid(W_z x_t + U_z h_t-1 + b_z)                    the update gate
    n_t = tanh(W_n x_t + b_n + r_t (U_n h_t-1 + b_hn))          the candidate
    h_t = (1 - z_t) n_t + z_t h_t-1                             the hidden state

What the LSTM does with a cell and three gates is done with the hidden state itself and two: where z is 1 the state
stays as it is, and a gradient passes. In the paper the reset gate acts on h_t-1 before U_n; here, as in PyTorch,
behind it.
"""

from __future__ import annotations

from types import MappingProxyType

from engine.autograd.gru import GRUReading
from engine.models.recurrent import RecurrentModel


class GRU(RecurrentModel):
    """The GRU model on `Tensor`; the arguments are those of `RecurrentModel`."""

    cell = GRUReading
    equations = MappingProxyType(
        {
            "reset": "r{n} = sigmoid(Wr {x} + Ur h{n}(t-1) + br)",
            "update": "z{n} = sigmoid(Wz {x} + Uz h{n}(t-1) + bz)",
            "candidate": "n{n} = tanh(Wn {x} + bn + r{n} (Un h{n}(t-1) + bhn))",
            "hidden": "h{n} = (1 - z{n}) n{n} + z{n} h{n}(t-1)",
        }
    )
