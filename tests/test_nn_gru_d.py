"""GRU-D against the equations of Che et al. 2018 in plain numpy, against autograd, and against PyPOTS."""

import numpy as np
import pytest
import torch

from medgru.nn import build_network
from medgru.nn.features import MEMORY_HOURS
from medgru.nn.gru_d import _Fade, _Recurrence

HOURS, FEATURES, STATICS, HIDDEN = 10, 4, 2, 5
CONFIG = {
    "input_size": FEATURES, "static_size": STATICS, "num_classes": 2, "max_hours": HOURS, "core": "gru-d",
    "hidden_size": HIDDEN,
}  # fmt: skip


def network(**changes):
    torch.manual_seed(0)
    net = build_network(CONFIG | changes).eval()
    with torch.no_grad():
        for parameter in net.parameters():
            parameter.uniform_(-0.8, 0.8)
        net.features.mean.uniform_(-1, 1)
    return net


def stays(seed=0, count=6):
    g = torch.Generator().manual_seed(seed)
    mask = torch.rand(count, HOURS, FEATURES, generator=g) < 0.3
    mask[0, :, 0] = False  # a variable never measured
    x = torch.randn(count, HOURS, FEATURES, generator=g) * mask
    known = torch.rand(count, STATICS, generator=g) < 0.7
    lengths = torch.full((count,), HOURS)
    return x, mask, lengths, torch.randn(count, STATICS, generator=g) * known, known


def sigmoid(a):
    return 1 / (1 + np.exp(-a))


def by_the_equations(net, x, mask, context):
    """Hidden states of one stay, (T, H): x, mask (T, F) and context (E,) as numpy arrays; eq. 1 to 16 one by one."""
    p = {name: value.detach().double().numpy() for name, value in net.cores[0].named_parameters()}
    mean, f, h = net.features.mean.double().numpy(), FEATURES, HIDDEN
    # Values are counted from the mean in the network, so the mean's own part is in its bias.
    w_z, w_r, w = np.split(p["weight_in"][:f], 3, axis=1)
    v_z, v_r, v = np.split(p["weight_in"][f:], 3, axis=1)
    u_z, u_r, u = np.split(p["weight_hidden"], 3, axis=1)
    bias = p["bias"] + context @ p["weight_context"] - mean @ p["weight_in"][:f]
    b_z, b_r, b = np.split(bias, 3)
    state, delta, last, states = np.zeros(h), np.zeros(f), mean.copy(), []
    for t in range(len(x)):
        if t:  # time since the last measurement, of the hour before
            delta = np.where(mask[t - 1], 1.0, 1.0 + delta)
        gamma_x = np.exp(-np.maximum(0, p["input_decay"] * delta / MEMORY_HOURS + p["input_decay_bias"]))
        gamma_h = np.exp(-np.maximum(0, delta / MEMORY_HOURS @ p["hidden_decay"] + p["hidden_decay_bias"]))
        m = mask[t].astype(float)
        value = m * x[t] + (1 - m) * (gamma_x * last + (1 - gamma_x) * mean)
        state = gamma_h * state
        z = sigmoid(value @ w_z + state @ u_z + m @ v_z + b_z)
        r = sigmoid(value @ w_r + state @ u_r + m @ v_r + b_r)
        c = np.tanh(value @ w + (r * state) @ u + m @ v + b)
        state = (1 - z) * state + z * c
        last = np.where(mask[t], x[t], last)
        states.append(state)
    return np.stack(states)


def test_the_states_are_those_of_the_papers_equations():
    net = network()
    batch = stays()
    inputs = net.prepare(*batch)

    states = net.cores[0](inputs)  # (T, B, H)

    for stay in range(6):
        expected = by_the_equations(net, *(t[stay].numpy() for t in batch[:2]), inputs.context[stay].numpy())
        np.testing.assert_allclose(states[:, stay].detach(), expected, rtol=0, atol=2e-6)


def test_the_mean_is_that_of_the_measured_cells():
    net = network()
    x, mask, lengths, *_ = stays(1)

    net.fit_scales(x, mask, lengths)

    for k in range(FEATURES):
        assert net.features.mean[k].item() == pytest.approx(x[..., k][mask[..., k]].mean().item(), abs=1e-6)


def test_the_written_gradient_is_the_numerical_one():
    torch.manual_seed(0)
    free = {"dtype": torch.double, "requires_grad": True}
    x, gamma, per_stay = torch.randn(4, 3, 2, **free), torch.rand(4, 3, 3, **free), torch.randn(3, 9, **free)
    measured = (torch.rand(4, 3, 2) < 0.5).double()
    weight_in, weight = torch.randn(4, 9, **free), torch.randn(3, 9, **free)

    assert torch.autograd.gradcheck(_Recurrence.apply, (x, measured, gamma, per_stay, weight_in, weight))
    assert torch.autograd.gradcheck(_Fade.apply, (torch.randn(5, 3, **free),))


def test_all_gradients_are_those_autograd_finds_through_the_plain_equations():
    net = network().double()
    batch = [t.double() if t.is_floating_point() else t for t in stays(2)]
    batch[0].requires_grad_(True)
    weight = torch.randn(HOURS, 6, HIDDEN, dtype=torch.double)

    (net.cores[0](net.prepare(*batch)) * weight).sum().backward()
    ours = {name: p.grad.clone() for name, p in net.cores[0].named_parameters()} | {"x": batch[0].grad.clone()}
    batch[0].grad = None
    net.zero_grad()
    (plain(net.cores[0], net.prepare(*batch)) * weight).sum().backward()

    theirs = {name: p.grad for name, p in net.cores[0].named_parameters()} | {"x": batch[0].grad}
    for name, grad in ours.items():
        torch.testing.assert_close(grad, theirs[name], msg=lambda text, name=name: f"{name}: {text}")


def plain(core, inputs):
    """The recurrence hour by hour with nothing but torch's own operations, (T, B, H)."""
    h = HIDDEN
    gamma_x = torch.exp(-torch.relu(core.input_decay * inputs.delta + core.input_decay_bias))
    gamma_h = torch.exp(-torch.relu(inputs.delta @ core.hidden_decay + core.hidden_decay_bias))
    x = inputs.measured * inputs.last + (1 - inputs.measured) * gamma_x * inputs.last
    gates = torch.cat([x, inputs.measured], dim=2) @ core.weight_in
    gates = gates + (inputs.context @ core.weight_context + core.bias)[:, None]
    state, states = torch.zeros(len(x), h, dtype=x.dtype), []
    for t in range(HOURS):
        state = gamma_h[:, t] * state
        zr = torch.sigmoid(gates[:, t, : 2 * h] + state @ core.weight_hidden[:, : 2 * h])
        z, r = zr.chunk(2, dim=1)
        c = torch.tanh(gates[:, t, 2 * h :] + (r * state) @ core.weight_hidden[:, 2 * h :])
        state = (1 - z) * state + z * c
        states.append(state)
    return torch.stack(states)


@pytest.mark.parametrize("reset", ["open", "as it is, where the candidate does not read the state"])
def test_with_copied_weights_the_states_are_pypots_where_it_follows_the_paper(reset):
    grud = pytest.importorskip("pypots.nn.modules.grud", reason="PyPOTS is not installed")
    net = network(static_size=0)
    net.features.mean.zero_()
    core, f, h = net.cores[0], FEATURES, HIDDEN
    theirs = grud.BackboneGRUD(HOURS, f, h)
    order = lambda weight: torch.cat([-weight.T[:h], weight.T[h : 2 * h], weight.T[2 * h :]])  # noqa: E731
    with torch.no_grad():
        if reset == "open":  # r = 1 for any input: then it does not matter that theirs resets after the product
            core.weight_in[:, h : 2 * h] = core.weight_hidden[:, h : 2 * h] = 0.0
            core.bias[h : 2 * h] = 100.0
        else:
            core.weight_hidden[:, 2 * h :] = 0.0
        # torch's cell keeps where the paper renews (z is 1 - z), and has r before z.
        rzn = torch.tensor([*range(h, 2 * h), *range(h), *range(2 * h, 3 * h)])
        theirs.rnn_cell.weight_ih.zero_()  # also of the state that is fed a second time
        theirs.rnn_cell.weight_ih[:, :f] = order(core.weight_in[:f])[rzn]
        theirs.rnn_cell.weight_ih[:, f + h :] = order(core.weight_in[f:])[rzn]
        theirs.rnn_cell.weight_hh.copy_(order(core.weight_hidden)[rzn])
        theirs.rnn_cell.bias_ih.copy_(order(core.bias[None])[rzn, 0])
        theirs.rnn_cell.bias_hh.zero_()
        theirs.temp_decay_x.W.copy_(torch.diag(core.input_decay) / MEMORY_HOURS)
        theirs.temp_decay_x.b.copy_(core.input_decay_bias)
        theirs.temp_decay_h.W.copy_(core.hidden_decay.T / MEMORY_HOURS)
        theirs.temp_decay_h.b.copy_(core.hidden_decay_bias)
    x, mask, *rest = stays(3)
    inputs = net.prepare(x, mask, rest[0], torch.zeros(6, 0), torch.zeros(6, 0) > 0)

    ours = core(inputs)
    _, last = theirs(x, mask.float(), inputs.delta * MEMORY_HOURS, torch.zeros(f), inputs.last)

    torch.testing.assert_close(ours[-1], last, rtol=1e-4, atol=1e-5)


def test_the_gap_at_an_hour_is_the_time_since_the_measurement_before_it():
    net = network(static_size=0)
    mask = torch.zeros(1, HOURS, FEATURES, dtype=torch.bool)
    mask[0, [0, 3, 4], 0] = True
    x = torch.where(mask, 2.0, 0.0)

    inputs = net.prepare(x, mask, torch.tensor([HOURS]), torch.zeros(1, 0), torch.zeros(1, 0) > 0)
    measured, never = (inputs.delta[0, :, k] * MEMORY_HOURS for k in (0, 1))

    assert measured.tolist() == pytest.approx([0, 1, 2, 3, 1, 1, 2, 3, 4, 5])
    assert never.tolist() == pytest.approx(range(HOURS))
    torch.testing.assert_close(inputs.last[0, :, 0] + net.features.mean[0], torch.full((HOURS,), 2.0))
    assert inputs.last[0, :, 1].eq(0).all()
