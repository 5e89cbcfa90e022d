"""What holds for every network of the family."""

import pytest
import torch

from medgru.errors import BundleError, TaskError
from medgru.nn import FAMILY, Network, build_network, check_causal, stack
from medgru.tasks import get_task

HOURS, FEATURES, STATICS, CLASSES = 9, 4, 2, 3
SIZES = {"input_size": FEATURES, "static_size": STATICS, "num_classes": CLASSES, "max_hours": HOURS}
MEMBERS = {
    "rnn": {"core": "rnn"},
    "lstm": {"core": "lstm"},
    "gru": {"core": "gru"},
    "gru plain": {"core": "gru", "attention": "none", "summary_size": 0},
    "gru stacked": {"core": "gru", "num_layers": 3},
    "lstm both ways": {"core": "lstm", "bidirectional": True, "num_layers": 2},
    "gru both ways, plain": {"core": "gru", "bidirectional": True, "attention": "none", "summary_size": 0},
    "gru dot": {"core": "gru", "attention": "dot", "summary_size": 0},
    "gru-d": {"core": "gru-d"},
    "retain": {"core": "retain"},
}
SMALL = {"hidden_size": 5, "members": 2}
every_network = pytest.mark.parametrize("options", MEMBERS.values(), ids=MEMBERS.keys())


def network(options, seed=0, **changes):
    torch.manual_seed(seed)
    net = build_network(SIZES | SMALL | options | changes).eval()
    net.fit_scales(*stays(99, count=20)[:3])
    return net


def stays(seed=0, count=5, hours=HOURS):
    g = torch.Generator().manual_seed(seed)
    mask = torch.rand(count, hours, FEATURES, generator=g) < 0.4
    lengths = torch.randint(1, hours + 1, (count,), generator=g)
    lengths[0] = hours
    mask &= (torch.arange(hours) < lengths[:, None])[..., None]
    x = torch.randn(count, hours, FEATURES, generator=g) * mask
    known = torch.rand(count, STATICS, generator=g) < 0.7
    return x, mask, lengths, torch.randn(count, STATICS, generator=g) * known, known


def close(one, other):
    torch.testing.assert_close(one, other, rtol=1e-4, atol=1e-5)


def test_every_model_of_the_family_is_tried_here():
    assert {options["core"] for options in MEMBERS.values()} == set(FAMILY)
    assert all(isinstance(network(options), Network) for options in MEMBERS.values())


@every_network
def test_nothing_after_an_hour_changes_what_is_said_at_it(options):
    net = network(options)
    x, mask, lengths, statics, known = stays(1)
    lengths[:] = HOURS
    hour = 4

    before, _ = net(x, mask, lengths, statics, known)
    x[:, hour:], mask[:, hour:] = 50.0, ~mask[:, hour:]
    after, _ = net(x, mask, lengths, statics, known)
    ended, _ = net(x[:, :hour], mask[:, :hour], lengths.clamp(max=hour), statics, known)

    close(after[:, :, :hour], before[:, :, :hour])
    close(ended, before[:, :, :hour])
    assert not torch.allclose(after[:, :, hour:], before[:, :, hour:])


@every_network
def test_padding_and_company_change_nothing(options):
    net = network(options)
    x, mask, lengths, statics, known = stays(2)

    logits, attention = net(x, mask, lengths, statics, known)
    padded_x, padded_mask = torch.full((5, 4, FEATURES), 1e3), torch.ones(5, 4, FEATURES, dtype=torch.bool)
    padded, weights = net(torch.cat([x, padded_x], 1), torch.cat([mask, padded_mask], 1), lengths, statics, known)
    order = torch.tensor([3, 0, 4, 2, 1])
    mixed, _ = net(*(t[order] for t in (x, mask, lengths, statics, known)))
    alone, _ = net(*(t[2:3] for t in (x, mask, lengths, statics, known)))

    close(mixed, logits[:, order])
    close(alone[:, 0], logits[:, 2])
    close(weights[:, :, :HOURS], attention)
    assert weights[:, :, HOURS:].eq(0).all()
    for stay, length in enumerate(lengths):
        close(padded[:, stay, :length], logits[:, stay, :length])


@every_network
def test_attention_sums_to_one_within_the_stay(options):
    batch = stays(3)

    _, attention = network(options)(*batch)

    close(attention.sum(dim=2), torch.ones(2, 5))
    assert attention.ge(0).all()
    assert attention[:, torch.arange(HOURS) >= batch[2][:, None]].eq(0).all()


@every_network
@pytest.mark.parametrize("last_first", [True, False], ids=["last hour too", "earlier hours only"])
def test_chosen_hours_of_chosen_stays_get_the_answers_they_get_among_all(options, last_first):
    net = network(options)
    batch, index = stays(4), torch.tensor([4, 1, 2])
    lengths = batch[2][index]
    hours = torch.stack([lengths - 1 if last_first else torch.zeros_like(lengths), (lengths - 1) // 2], dim=1)

    everything, attention = net(*batch)
    inputs = net.prepare(*batch).select(index, hours, longest=int(lengths.max()))
    some, weights = net.answer(inputs, lengths, hours)
    asked, _ = net(*(t[index] for t in batch), hours=hours)

    close(some, everything[:, index[:, None], hours])
    close(asked, some)
    close(weights, attention[:, index, : int(lengths.max())])


@every_network
def test_a_hidden_variable_is_one_that_was_never_measured(options):
    net = network(options)
    x, mask, lengths, statics, known = stays(5)
    keep = torch.tensor([1.0, 0.0, 1.0, 0.0]).expand(5, -1)

    hidden = net.prepare(x, mask, lengths, statics, known).hide(keep)
    absent = net.prepare(x * keep[:, None], mask & (keep[:, None] > 0), lengths, statics, known)

    for one, other in zip(hidden, absent, strict=True):
        close(one, other)


@every_network
def test_inputs_prepared_in_parts_are_those_prepared_at_once(options):
    net = network(options)
    batch = stays(6)

    parts = [net.prepare(*(t[i : i + 2] for t in batch)) for i in range(0, 5, 2)]

    for one, other in zip(type(parts[0]).cat(parts), net.prepare(*batch), strict=True):
        close(one, other)


@every_network
def test_gradients_reach_the_measured_cells_and_no_others(options):
    x, mask, lengths, statics, known = stays(7)
    mask[1] = False  # a stay of which nothing was measured
    x = (x * mask).requires_grad_(True)
    statics.requires_grad_(True)

    logits, _ = network(options)(x, mask, lengths, statics, known, hours=lengths[:, None] - 1)
    logits.square().sum().backward()

    assert x.grad.isfinite().all()
    assert x.grad[~mask].eq(0).all()
    assert x.grad[mask].ne(0).float().mean() > 0.9
    assert statics.grad[~known].eq(0).all()
    assert statics.grad[known].ne(0).any()


@every_network
def test_a_stack_answers_as_its_members_do_one_by_one(options):
    single = [network(options, seed, members=1) for seed in (1, 2, 3)]
    batch = stays(8)

    stacked = stack(single)
    logits, attention = stacked(*batch)

    assert stacked.config == single[0].config | {"members": 3}
    close(logits, torch.cat([n(*batch)[0] for n in single]))
    close(logits.mean(0), sum(n(*batch)[0][0] for n in single) / 3)
    close(attention, torch.cat([n(*batch)[1] for n in single]))


@every_network
def test_freezing_changes_no_answer_and_no_weight(options):
    net = network(options)
    batch, names = stays(9), list(net.state_dict())
    before = net(*batch)

    frozen = net.freeze()

    for one, other in zip(frozen(*batch), before, strict=True):
        close(one, other)
    assert frozen is net
    assert list(net.state_dict()) == names
    assert not any(p.requires_grad for p in net.parameters())
    with torch.inference_mode():
        close(net(*batch)[0], before[0])


@every_network
def test_a_network_is_rebuilt_from_its_config_scales_and_weights(options):
    net = network(options)

    again = build_network(net.config)
    again.load_state_dict(net.state_dict())
    fresh = build_network(net.config)
    fresh.load_scales(net.scales())

    assert again.config == net.config
    close(again.eval()(*stays())[0], net(*stays())[0])
    for one, other in zip(fresh.prepare(*stays()), net.prepare(*stays()), strict=True):
        close(one, other)


@every_network
def test_dropout_varies_the_answers_in_training_only(options):
    net = network(options, dropout=0.5)
    batch = stays()

    assert torch.equal(net(*batch)[0], net(*batch)[0])
    net.train()
    assert not torch.equal(net(*batch)[0], net(*batch)[0])


@pytest.mark.parametrize("name", FAMILY)
def test_a_model_takes_those_of_a_runs_settings_that_apply_to_it(name):
    settings = {
        "hidden_size": 7, "num_layers": 2, "bidirectional": True, "attention": "dot", "summary_size": 3, "dropout": 0.1,
    }  # fmt: skip

    net = build_network(FAMILY[name].config(SIZES, settings | {"seed": 5}))

    assert net.config["core"] == name
    assert all(net.config[option] == settings[option] for option in FAMILY[name].options)


@pytest.mark.parametrize("layers", [1, 2, 4])
def test_a_gru_has_three_quarters_of_the_parameters_of_an_lstm(layers):
    gru, lstm = (
        sum(p.numel() for p in build_network(SIZES | {"core": core, "num_layers": layers}).cores.parameters())
        for core in ("gru", "lstm")
    )

    assert 4 * gru == 3 * lstm


def test_an_old_bundle_says_no_attention_by_its_size():
    assert build_network(SIZES | {"attention_size": 0}).config["attention"] == "none"
    assert build_network(SIZES | {"attention_size": 8}).config["attention"] == "additive"
    assert build_network(SIZES | {"attention_size": 0, "attention": "none"}).config["attention"] == "none"


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"num_layers": 5}, "num_layers must be a whole number from 1 to 4"),
        ({"bidirectional": 1}, "bidirectional must be true or false"),
        ({"attention": "softmax"}, "attention must be one of none, additive, dot"),
        ({"attention": "dot", "attention_size": 0}, "attention needs an attention_size above 0"),
        ({"core": "gru-d", "num_layers": 2}, "GRU-D has no option num_layers"),
        ({"core": "retain", "bidirectional": True}, "RETAIN has no option bidirectional"),
        ({"core": "retain", "attention": "dot"}, "RETAIN has no option attention"),
    ],
)
def test_options_that_do_not_fit_are_refused_by_name(change, says):
    with pytest.raises(BundleError, match=says):
        build_network(SIZES | change)


def test_reading_both_ways_is_refused_where_a_stay_is_followed_while_it_goes_on():
    task = get_task("icu-mortality")

    with pytest.raises(TaskError, match=r"bidirectional network does not fit .* Choose a network of one direction"):
        check_causal(SIZES | {"bidirectional": True}, task)
    check_causal(SIZES | {"bidirectional": False}, task)


def test_both_ways_is_torchs_bidirectional_gru_on_a_whole_stay():
    net = network(MEMBERS["gru both ways, plain"], members=1)
    batch = stays(1, count=3)
    torchs = torch.nn.GRU(net.features.step_size, 5, batch_first=True, bidirectional=True)
    core = net.cores[0]
    ours = {**dict(core.ahead[0].named_parameters())}
    ours |= {f"{name}_reverse": value for name, value in core.back[0].named_parameters()}
    torchs.load_state_dict(ours)
    steps, ends = net.prepare(*batch).steps, batch[2] - 1

    packed = torch.nn.utils.rnn.pack_padded_sequence(steps, batch[2], batch_first=True, enforce_sorted=False)
    expected, _ = torch.nn.utils.rnn.pad_packed_sequence(torchs(packed)[0], batch_first=True, total_length=HOURS)

    inside = torch.arange(HOURS) <= ends[:, None]
    close(core(steps, ends)[inside], expected[inside])
