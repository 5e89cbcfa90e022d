"""GRU-D: a GRU that forgets what it has not seen for a while (Che et al. 2018, https://doi.org/10.1038/s41598-018-24271-9).

Two decays learned from the hours delta since a variable's last measurement: an old value fades towards
the variable's mean, and the hidden state fades with it. With x' the last measured value and m the mask:

    gamma_x = exp(-max(0, w_x * delta + b_x))        gamma_h = exp(-max(0, W_h delta + b_h))        eq. 10
    x       = m * x + (1 - m) * (gamma_x * x' + (1 - gamma_x) * mean)                               eq. 11
    h^      = gamma_h * h[t-1]                                                                      eq. 12
    r       = sigmoid(W_r x + U_r h^ + V_r m + b_r)                                                 eq. 13
    z       = sigmoid(W_z x + U_z h^ + V_z m + b_z)                                                 eq. 14
    c       = tanh(W x + U (r * h^) + V m + b)                                                      eq. 15
    h[t]    = (1 - z) * h^ + z * c                                                                  eq. 16

Ours beyond the paper: admission descriptors enter every gate like measurements that never age. PyPOTS 1.5
departs from these equations in three places: the decayed state is fed a second time as an input, through
weights of its own; the cell is torch's GRUCell, which resets after the product, r * (U h^), where the paper
resets before it; and w_x is stored as a full matrix of which all but the diagonal is multiplied by zero.
Shapes: M members, B stays, T hours (padded), F features, E entries of context, H hidden units, C classes.
"""

from collections.abc import Sequence
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn
from torch.autograd.function import once_differentiable
from torch.nn import functional as func

from medgru.nn.config import NetworkConfig
from medgru.nn.features import MEMORY_HOURS, carry, describe
from medgru.nn.linear import StackedLinear
from medgru.nn.network import Features, Network, last_hour_only


class DecayInputs(NamedTuple):
    """What GRU-D reads: last measured value minus mean, 0 before the first (B, T, F); `measured`, 0 or 1
    (B, T, F); `delta`, time since the measurement before this hour's (B, T, F); `context` of descriptors (B, E)."""

    last: Tensor
    measured: Tensor
    delta: Tensor
    context: Tensor

    def select(self, index: Tensor, hours: Tensor | None = None, longest: int | None = None) -> "DecayInputs":
        """The stays `index`; nothing here depends on the hours asked about; see `Inputs`."""
        return DecayInputs(*(series[:, :longest][index] for series in self[:3]), self.context[index])

    def hide(self, keep: Tensor) -> "DecayInputs":
        """As if variables with a zero in `keep` (B, F) had never been measured."""
        kept = keep[:, None]
        never = torch.arange(self.delta.shape[1], dtype=self.delta.dtype, device=keep.device)[:, None] / MEMORY_HOURS
        delta = self.delta * kept + never * (1 - kept)
        return DecayInputs(self.last * kept, self.measured * kept, delta, self.context)

    @classmethod
    def cat(cls, parts: Sequence["DecayInputs"]) -> "DecayInputs":
        """Several batches as one."""
        return cls(*(torch.cat(column) for column in zip(*parts, strict=True)))


class DecayFeatures(Features[DecayInputs]):
    """Last value, mask and time gap of each variable; `mean` (F,) is that of the training stays."""

    mean: Tensor

    def __init__(self, input_size: int, static_size: int) -> None:
        super().__init__()
        self.context_size = describe(torch.zeros(1, static_size), torch.zeros(1, static_size)).shape[1]
        self.register_buffer("mean", torch.zeros(input_size))

    def forward(
        self,
        x: Tensor,
        mask: Tensor,
        lengths: Tensor,
        statics: Tensor,
        statics_mask: Tensor,
        hours: Tensor | None = None,
    ) -> DecayInputs:
        """Inputs for x, mask (B, T, F), lengths (B,), statics, statics_mask (B, S)."""
        series = carry(x, mask, lengths)
        hour = torch.arange(x.shape[1], dtype=x.dtype, device=x.device)[:, None]
        # The paper counts from the measurement before: the gap at a measured hour is that to the one before it,
        # and before the first measurement it is the time since the start.
        before = func.pad(series.newest.clamp(min=0)[:, :-1], (0, 0, 1, 0))
        delta = (hour - before) / MEMORY_HOURS
        return DecayInputs(
            series.last - self.mean * series.seen, series.measured, delta, describe(statics, statics_mask)
        )

    @torch.no_grad()
    def fit(self, x: Tensor, mask: Tensor, lengths: Tensor) -> None:
        """Learn each variable's mean over all its measurements."""
        series = carry(x, mask, lengths)
        self.mean.copy_(series.x.sum(dim=(0, 1)) / series.measured.sum(dim=(0, 1)).clamp(min=1))


class GRUDCore(nn.Module):
    """The recurrence of one member; gates in the order z, r, c."""

    def __init__(self, input_size: int, context_size: int, hidden_size: int) -> None:
        super().__init__()
        f, e, h = input_size, context_size, hidden_size
        bound = h**-0.5
        self.input_decay = nn.Parameter(torch.rand(f))
        self.input_decay_bias = nn.Parameter(torch.zeros(f))
        self.hidden_decay = nn.Parameter(torch.empty(f, h).uniform_(-(f**-0.5), f**-0.5))
        self.hidden_decay_bias = nn.Parameter(torch.zeros(h))
        self.weight_x = nn.Parameter(torch.empty(f, 3 * h).uniform_(-bound, bound))
        self.weight_mask = nn.Parameter(torch.empty(f, 3 * h).uniform_(-bound, bound))
        self.weight_context = nn.Parameter(torch.empty(e, 3 * h).uniform_(-bound, bound))
        self.weight_hidden = nn.Parameter(torch.empty(h, 3 * h).uniform_(-bound, bound))
        self.bias = nn.Parameter(torch.zeros(3 * h))

    def forward(self, inputs: DecayInputs, mean: Tensor) -> Tensor:
        """Hidden states at every hour, (B, T, H)."""
        # Hours first: each step of the recurrence then reads memory that lies together.
        last, measured, delta = (series.transpose(0, 1).contiguous() for series in inputs[:3])
        t, b, f = last.shape
        gamma_x = torch.exp(-torch.relu(torch.addcmul(self.input_decay_bias, self.input_decay, delta)))
        gamma_h = torch.exp(-torch.relu(torch.addmm(self.hidden_decay_bias, delta.view(t * b, f), self.hidden_decay)))
        # eq. 11, as last holds the distance from the mean: a measured value does not fade.
        x = mean + last * torch.where(measured > 0, 1.0, gamma_x)
        # The part of eq. 13 to 15 that needs no state, of all hours at once.
        gates = torch.addmm(self.bias, x.view(t * b, f), self.weight_x)
        gates = torch.addmm(gates, measured.view(t * b, f), self.weight_mask).view(t, b, -1)
        if self.weight_context.shape[0]:
            gates = gates + inputs.context @ self.weight_context
        hidden: Tensor = _Recurrence.apply(gates, gamma_h.view(t, b, -1), self.weight_hidden)
        return hidden.transpose(0, 1)


class _Recurrence(torch.autograd.Function):
    """Eq. 12 to 16 over all hours, with its gradient written out.

    autograd would keep one small node an operation and hour, and sum the weights' gradient hour by hour. Here the
    factors of the chain rule that need no gradient are computed for all hours at once, seven operations an hour
    are left on the way back, and the gradient of U is two products over all hours.
    """

    @staticmethod
    def forward(ctx: Any, gates: Tensor, gamma: Tensor, weight: Tensor) -> Tensor:
        """States (T, B, H) from gates (T, B, 3H) without their recurrent part, gamma (T, B, H), weight (H, 3H)."""
        t, b, h = gamma.shape
        u_zr, u_c = weight[:, : 2 * h].contiguous(), weight[:, 2 * h :].contiguous()
        zr, c = gates.new_empty(t, b, 2 * h), gates.new_empty(t, b, h)
        hidden, decayed, reset = (torch.empty_like(c) for _ in range(3))
        state = gates.new_zeros(b, h)
        series = (
            gates[..., : 2 * h],
            gates[..., 2 * h :],
            gamma,
            zr,
            zr[..., :h],
            zr[..., h:],
            c,
            decayed,
            reset,
            hidden,
        )
        # unbind, as indexing makes a new view's bookkeeping every time.
        for in_zr, in_c, fade, zr_t, z_t, r_t, c_t, decayed_t, reset_t, hidden_t in zip(
            *(s.unbind(0) for s in series), strict=True
        ):
            torch.mul(fade, state, out=decayed_t)
            torch.addmm(in_zr, decayed_t, u_zr, out=zr_t).sigmoid_()
            torch.mul(r_t, decayed_t, out=reset_t)
            torch.addmm(in_c, reset_t, u_c, out=c_t).tanh_()
            state = torch.lerp(decayed_t, c_t, z_t, out=hidden_t)
        ctx.save_for_backward(gamma, weight, zr, c, decayed, reset, hidden)
        return hidden

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Gradients of gates, gamma and weight from that of the states, (T, B, H)."""
        gamma, weight, zr, c, decayed, reset, hidden = ctx.saved_tensors
        t, b, h = gamma.shape
        back_zr, back_c = weight[:, : 2 * h].t().contiguous(), weight[:, 2 * h :].t().contiguous()
        z, r = zr[..., :h], zr[..., h:]
        slope = torch.addcmul(zr, zr, zr, value=-1)  # of the sigmoids
        to_z = (c - decayed).mul_(slope[..., :h])
        to_r = decayed * slope[..., h:]
        to_c = torch.addcmul(z, z * c, c, value=-1)
        stay = 1 - z
        d_gates, d_decayed = zr.new_empty(t, b, 3 * h), torch.empty_like(gamma)
        d_zr, d_c = d_gates[..., : 2 * h], d_gates[..., 2 * h :]
        series = (d_zr, d_zr[..., :h], d_zr[..., h:], d_c, d_decayed, to_z, to_r, to_c, stay, r, gamma)
        d_reset, d_state = gamma.new_empty(b, h), grad[-1]
        earlier = [*reversed(grad[:-1].unbind(0)), torch.zeros_like(grad[0])]
        for arriving, (zr_t, z_t, r_t, c_t, decayed_t, to_z_t, to_r_t, to_c_t, stay_t, reset_t, fade) in zip(
            earlier, zip(*(reversed(s.unbind(0)) for s in series), strict=True), strict=True
        ):
            torch.mul(d_state, to_c_t, out=c_t)
            torch.mm(c_t, back_c, out=d_reset)
            torch.mul(d_state, to_z_t, out=z_t)
            torch.mul(d_reset, to_r_t, out=r_t)
            torch.addmm(torch.addcmul(d_state * stay_t, d_reset, reset_t), zr_t, back_zr, out=decayed_t)
            d_state = torch.addcmul(arriving, decayed_t, fade)
        d_weight = torch.cat(
            [
                decayed.view(t * b, h).t() @ d_gates.view(t * b, 3 * h)[:, : 2 * h],
                reset.view(t * b, h).t() @ d_gates.view(t * b, 3 * h)[:, 2 * h :],
            ],
            dim=1,
        )
        d_gamma = torch.zeros_like(gamma)
        torch.mul(d_decayed[1:], hidden[:-1], out=d_gamma[1:])
        return d_gates, d_gamma, d_weight


class GRUD(Network[DecayInputs]):
    """M members of GRU-D; each answers from its state at the hour: logits = h[t] V + c."""

    features: DecayFeatures

    def __init__(self, config: NetworkConfig) -> None:
        super().__init__(config)
        c = config
        self.features = DecayFeatures(c.input_size, c.static_size)
        self.cores = nn.ModuleList(
            GRUDCore(c.input_size, self.features.context_size, c.hidden_size) for _ in range(c.members)
        )
        self.head = StackedLinear(c.members, c.hidden_size, c.num_classes)

    def answer(self, inputs: DecayInputs, lengths: Tensor, hours: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """Logits (M, B, Q, C) and attention (M, B, T) from prepared inputs; see `Network.answer`."""
        hidden = torch.stack([core(inputs, self.features.mean) for core in self.cores])  # (M, B, T, H)
        weights = last_hour_only(hidden, lengths)
        if hours is not None:
            hidden = hidden[:, torch.arange(len(hours), device=hours.device)[:, None], hours]
        m, b, q, h = hidden.shape
        kept = func.dropout(hidden, self.settings.dropout, self.training)
        return self.head(kept.reshape(m, b * q, h)).view(m, b, q, -1), weights
