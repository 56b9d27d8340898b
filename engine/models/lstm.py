"""The LSTM language model (Graves 2013, "Generating Sequences With Recurrent Neural Networks").

    i_t = sigmoid(W_i x_t + U_i h_t-1 + b_i)        the input gate
    f_t = sigmoid(W_f x_t + U_f h_t-1 + b_f)        the forget gate
    g_t = tanh(W_g x_t + U_g h_t-1 + b_g)           the candidate
    o_t = sigmoid(W_o x_t + U_o h_t-1 + b_o)        the output gate
    c_t = f_t c_t-1 + i_t g_t                       the cell
    h_t = o_t tanh(c_t)                             the hidden state

The cell is what Hochreiter & Schmidhuber (1997) built it for: a sum, through which a gradient passes back in time
unchanged but for the forget gates. These begin open, with a bias of 1, or the net would have to learn first that
there is something to remember (Jozefowicz et al. 2015). Graves's peepholes are left out, as in PyTorch.
"""

from __future__ import annotations

from types import MappingProxyType

from engine.autograd.lstm import F, LSTMReading
from engine.models.recurrent import RecurrentModel, Sizes


class LSTM(RecurrentModel):
    """The LSTM model on `Tensor`; the arguments are those of `RecurrentModel`."""

    cell = LSTMReading
    equations = MappingProxyType(
        {
            "input": "i{n} = sigmoid(Wi {x} + Ui h{n}(t-1) + bi)",
            "forget": "f{n} = sigmoid(Wf {x} + Uf h{n}(t-1) + bf)",
            "candidate": "g{n} = tanh(Wg {x} + Ug h{n}(t-1) + bg)",
            "output": "o{n} = sigmoid(Wo {x} + Uo h{n}(t-1) + bo)",
            "cell": "c{n} = f{n} c{n}(t-1) + i{n} g{n}",
            "hidden": "h{n} = o{n} tanh(c{n})",
        }
    )

    def __init__(self, sizes: Sizes, *, seed: int, pad: int = 0, dtype: str = "float32") -> None:
        super().__init__(sizes, seed=seed, pad=pad, dtype=dtype)
        for layer in self.network.layer:
            (weight,) = layer.weights
            weight.data[-1].reshape(4, -1)[F] = sizes.forget_bias
