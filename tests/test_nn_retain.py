import torch

from medgru.nn import build_network

HOURS, FEATURES, STATICS, CLASSES = 8, 4, 2, 3
CONFIG = {
    "input_size": FEATURES, "static_size": STATICS, "num_classes": CLASSES, "max_hours": HOURS, "core": "retain",
    "hidden_size": 5, "members": 2,
}  # fmt: skip


def network(**changes):
    torch.manual_seed(0)
    return build_network(CONFIG | changes).eval()


def stays(seed=0, count=5):
    g = torch.Generator().manual_seed(seed)
    mask = torch.rand(count, HOURS, FEATURES, generator=g) < 0.4
    lengths = torch.randint(1, HOURS + 1, (count,), generator=g)
    mask &= (torch.arange(HOURS) < lengths[:, None])[..., None]
    x = torch.randn(count, HOURS, FEATURES, generator=g) * mask
    known = torch.rand(count, STATICS, generator=g) < 0.7
    return x, mask, lengths, torch.randn(count, STATICS, generator=g) * known, known


def test_contributions_and_bias_sum_to_the_logits_at_the_last_hour():
    net, batch = network(), stays()
    lengths = batch[2]

    logits, _ = net(*batch, hours=lengths[:, None] - 1)
    parts, bias = net.contributions(net.prepare(*batch), lengths)

    assert parts.shape == (2, 5, HOURS, FEATURES + STATICS + 1, CLASSES)
    torch.testing.assert_close(parts.sum(dim=(2, 3)) + bias[:, None], logits[:, :, 0], rtol=0, atol=1e-4)
    assert parts[:, torch.arange(HOURS) >= lengths[:, None]].eq(0).all()


def test_contributions_sum_without_descriptors_too():
    net = network(static_size=0)
    x, mask, lengths, *_ = stays(1)
    nothing = torch.zeros(5, 0)

    logits, _ = net(x, mask, lengths, nothing, nothing > 0, hours=lengths[:, None] - 1)
    parts, bias = net.contributions(net.prepare(x, mask, lengths, nothing, nothing > 0), lengths)

    assert parts.shape[3] == FEATURES + 1
    torch.testing.assert_close(parts.sum(dim=(2, 3)) + bias[:, None], logits[:, :, 0], rtol=0, atol=1e-4)


def test_what_was_never_measured_or_told_contributes_nothing():
    net = network()
    x, mask, lengths, statics, known = stays(2)
    mask[..., 1], known[:, 0] = False, False

    parts, _ = net.contributions(net.prepare(x, mask, lengths, statics, known), lengths)

    assert parts[..., 1, :].eq(0).all()
    assert parts[..., FEATURES, :].eq(0).all()
    assert parts[..., 0, :].ne(0).any()


def test_the_logits_are_those_of_the_papers_steps_one_by_one():
    net, batch = network(members=1), stays(3)
    core, steps = net.cores[0], net.prepare(*batch).steps
    logits, attention = net(*batch, hours=batch[2][:, None] - 1)

    for stay, length in enumerate(batch[2].tolist()):
        v = [core.embed.weight @ x for x in steps[stay, :length]]
        backwards = torch.stack(v[::-1])[None]
        g, h = core.hour_rnn(backwards)[0][0], core.variable_rnn(backwards)[0][0]
        alpha = torch.softmax(torch.stack([core.hour.weight[0] @ g_j + core.hour.bias[0] for g_j in g]), dim=0)
        beta = [torch.tanh(core.variable.weight @ h_j + core.variable.bias) for h_j in h]
        context = sum(a * b * v_j for a, b, v_j in zip(alpha, beta, v[::-1], strict=True))
        torch.testing.assert_close(logits[0, stay, 0], core.out.weight @ context + core.out.bias, rtol=0, atol=1e-5)
        torch.testing.assert_close(attention[0, stay, :length], alpha.flip(0), rtol=0, atol=1e-5)
