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

Values are counted from their mean, so that the mean's term of eq. 11 is zero and lies in the bias instead.
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
        last, measured, delta = (series[:, :longest][index] for series in self[:3])
        return DecayInputs(last, measured, delta, self.context[index])

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
        self.weight_in = nn.Parameter(torch.empty(2 * f, 3 * h).uniform_(-bound, bound))  # W above, V below
        self.weight_context = nn.Parameter(torch.empty(e, 3 * h).uniform_(-bound, bound))
        self.weight_hidden = nn.Parameter(torch.empty(h, 3 * h).uniform_(-bound, bound))
        self.bias = nn.Parameter(torch.zeros(3 * h))

    def forward(self, inputs: DecayInputs) -> Tensor:
        """Hidden states at every hour, (T, B, H)."""
        # Hours first: each step of the recurrence then reads memory that lies together.
        last, measured, delta = (series.transpose(0, 1).contiguous() for series in inputs[:3])
        t, b, f = last.shape
        gamma_x: Tensor = _Fade.apply(torch.addcmul(self.input_decay_bias, self.input_decay, delta))
        fading = torch.addmm(self.hidden_decay_bias, delta.view(t * b, f), self.hidden_decay)
        gamma_h: Tensor = _Fade.apply(fading.view(t, b, -1))
        # eq. 11 with values counted from the mean: what is measured now does not fade.
        x = last * gamma_x.lerp(torch.ones((), dtype=last.dtype, device=last.device), measured)
        per_stay = torch.addmm(self.bias, inputs.context, self.weight_context)
        hidden: Tensor = _Recurrence.apply(x, measured, gamma_h, per_stay, self.weight_in, self.weight_hidden)
        return hidden


class _Fade(torch.autograd.Function):
    """exp(-max(0, u)) in half the passes over memory that autograd would take."""

    @staticmethod
    def forward(ctx: Any, u: Tensor) -> Tensor:
        gamma = torch.relu(u).neg_().exp_()
        ctx.save_for_backward(u, gamma)
        return gamma

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad: Tensor) -> Tensor:
        u, gamma = ctx.saved_tensors
        return torch.ops.aten.threshold_backward(grad * gamma, u, 0).neg_()


class _Recurrence(torch.autograd.Function):
    """Eq. 12 to 16 over all hours, with the gradient written out.

    autograd would keep a node an operation and hour, and sum the weights' gradient hour by hour. Here the part of
    the gates that needs no state, and the gradients of the weights, are products over all hours, and what is left
    of each hour is written where it belongs without copies.
    """

    @staticmethod
    def forward(
        ctx: Any, x: Tensor, measured: Tensor, gamma: Tensor, per_stay: Tensor, weight_in: Tensor, weight: Tensor
    ) -> Tensor:
        """Hidden states, (T, B, H).

        Args:
            x, measured: Values and mask, (T, B, F).
            gamma: Decay of the state, (T, B, H).
            per_stay: What a stay's descriptors and the bias add to the gates, (B, 3H).
            weight_in: Of values and mask, (2F, 3H).
            weight: Of the state, (H, 3H).
        """
        t, b, h = gamma.shape
        read = torch.cat([x, measured], dim=2).view(t * b, -1)
        u_zr, u_c = weight[:, : 2 * h].contiguous(), weight[:, 2 * h :].contiguous()
        zr = per_stay[:, : 2 * h].repeat(t, 1).addmm_(read, weight_in[:, : 2 * h]).view(t, b, 2 * h)
        c = per_stay[:, 2 * h :].repeat(t, 1).addmm_(read, weight_in[:, 2 * h :]).view(t, b, h)
        decayed, reset, hidden = (torch.empty_like(c) for _ in range(3))
        state = torch.zeros_like(c[0])
        series = (gamma, zr, zr[..., :h], zr[..., h:], c, decayed, reset, hidden)
        # unbind, as indexing would do a view's bookkeeping every hour.
        for fade, zr_t, z_t, r_t, c_t, decayed_t, reset_t, hidden_t in zip(*(s.unbind(0) for s in series), strict=True):
            torch.mul(fade, state, out=decayed_t)
            zr_t.addmm_(decayed_t, u_zr).sigmoid_()
            torch.mul(r_t, decayed_t, out=reset_t)
            c_t.addmm_(reset_t, u_c).tanh_()
            state = torch.lerp(decayed_t, c_t, z_t, out=hidden_t)
        ctx.save_for_backward(read, gamma, weight_in, weight, zr, c, decayed, reset, hidden)
        return hidden

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor | None, ...]:
        """Gradients of the arguments from that of the states, (T, B, H)."""
        read, gamma, weight_in, weight, zr, c, decayed, reset, hidden = ctx.saved_tensors
        t, b, h = gamma.shape
        back_zr, back_c = weight[:, : 2 * h].t().contiguous(), weight[:, 2 * h :].t().contiguous()
        d_zr, d_c, d_decayed = torch.empty_like(zr), torch.empty_like(c), torch.empty_like(c)
        d_reset, d_new, d_opened = torch.empty_like(c[0]), torch.empty_like(c[0]), torch.empty_like(zr[0])
        opened_z, opened_r = d_opened.split(h, dim=1)
        d_state = grad[-1]
        series = (zr, zr[..., :h], zr[..., h:], c, decayed, d_zr, d_c, d_decayed, gamma)
        backwards = zip(*(reversed(s.unbind(0)) for s in series), strict=True)
        earlier = [*reversed(grad[:-1].unbind(0)), torch.zeros_like(d_state)]
        for arriving, hour in zip(earlier, backwards, strict=True):
            zr_t, z_t, r_t, c_t, decayed_t, d_zr_t, d_c_t, d_decayed_t, fade = hour
            # Hour by hour and not for all hours at once: the time goes into memory, and this stays in the cache.
            torch.mul(d_state, z_t, out=d_new)
            torch.sub(d_state, d_new, out=d_decayed_t)
            torch.ops.aten.tanh_backward(d_new, c_t, grad_input=d_c_t)
            torch.mm(d_c_t, back_c, out=d_reset)
            torch.sub(c_t, decayed_t, out=opened_z).mul_(d_state)
            torch.mul(d_reset, decayed_t, out=opened_r)
            torch.ops.aten.sigmoid_backward(d_opened, zr_t, grad_input=d_zr_t)
            d_decayed_t.addcmul_(d_reset, r_t).addmm_(d_zr_t, back_zr)
            d_state = torch.addcmul(arriving, d_decayed_t, fade)
        rows_zr, rows_c = d_zr.view(t * b, 2 * h), d_c.view(t * b, h)
        d_x = None
        if ctx.needs_input_grad[0]:
            f = read.shape[1] // 2
            d_x = (rows_zr @ weight_in[:f, : 2 * h].t()).addmm_(rows_c, weight_in[:f, 2 * h :].t()).view(t, b, f)
        d_gamma = torch.zeros_like(gamma)  # and remains so at the first hour, as there is no state before
        torch.mul(d_decayed[1:], hidden[:-1], out=d_gamma[1:])
        d_per_stay = torch.cat([d_zr.sum(dim=0), d_c.sum(dim=0)], dim=1)
        d_weight_in = torch.cat([read.t() @ rows_zr, read.t() @ rows_c], dim=1)
        d_weight = torch.cat([decayed.view(t * b, h).t() @ rows_zr, reset.view(t * b, h).t() @ rows_c], dim=1)
        return d_x, None, d_gamma, d_per_stay, d_weight_in, d_weight


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
        states = [core(inputs) for core in self.cores]  # each (T, B, H)
        if hours is None:
            hidden = torch.stack(states).transpose(1, 2)
        else:
            row = torch.arange(len(hours), device=hours.device)[:, None]
            hidden = torch.stack([state[hours, row] for state in states])
        m, b, q, h = hidden.shape
        kept = func.dropout(hidden, self.settings.dropout, self.training)
        logits = self.head(kept.reshape(m, b * q, h)).view(m, b, q, -1)
        return logits, last_hour_only(m, inputs.last.shape[1], lengths)
