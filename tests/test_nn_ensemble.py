import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from medgru.errors import BundleError
from medgru.nn import build_network, stack

HOURS, FEATURES, STATICS = 12, 5, 3
CONFIG = {
    "input_size": FEATURES, "static_size": STATICS, "num_classes": 3, "max_hours": HOURS, "members": 2,
    "hidden_size": 6, "attention_size": 4, "summary_size": 7,
}  # fmt: skip


def network(seed=0, **changes):
    torch.manual_seed(seed)
    net = build_network(CONFIG | changes).eval()
    for buffer in (net.features.centre, net.features.spread):
        buffer.uniform_(0.5, 1.5)
    return net


def stays(seed=0, count=4, hours=HOURS):
    g = torch.Generator().manual_seed(seed)
    mask = torch.rand(count, hours, FEATURES, generator=g) < 0.3
    lengths = torch.randint(1, hours + 1, (count,), generator=g)
    mask &= (torch.arange(hours) < lengths[:, None])[..., None]
    x = torch.randn(count, hours, FEATURES, generator=g) * mask
    known = torch.rand(count, STATICS, generator=g) < 0.7
    return x, mask, lengths, torch.randn(count, STATICS, generator=g) * known, known


@given(seed=st.integers(0, 1000), hour=st.integers(1, HOURS - 1), removed=st.booleans())
@settings(max_examples=40, deadline=None)
def test_nothing_after_an_hour_changes_what_is_said_at_it(seed, hour, removed):
    net = network()
    x, mask, lengths, statics, known = stays(seed)
    changed, changed_mask, changed_lengths = x.clone(), mask.clone(), lengths.clone()
    if removed:
        changed, changed_mask, changed_lengths = x[:, :hour], mask[:, :hour], lengths.clamp(max=hour)
    else:
        changed_lengths = torch.where(lengths >= hour, HOURS, lengths)  # later hours are invented
        changed[:, hour:] = 100 * torch.randn_like(x[:, hour:])
        changed_mask[:, hour:] = ~mask[:, hour:]

    logits, _ = net(x, mask, lengths, statics, known)
    other, _ = net(changed, changed_mask, changed_lengths, statics, known)

    for stay, length in enumerate(lengths.clamp(max=hour)):
        torch.testing.assert_close(other[:, stay, :length], logits[:, stay, :length], rtol=1e-5, atol=1e-6)


@given(seed=st.integers(0, 1000), padding=st.integers(1, 9))
@settings(max_examples=25, deadline=None)
def test_padding_never_changes_an_answer_whatever_it_holds(seed, padding):
    net = network()
    x, mask, lengths, statics, known = stays(seed)
    noise = torch.full((len(x), padding, FEATURES), 1e3)

    logits, attention = net(x, mask, lengths, statics, known)
    padded = torch.cat([x, noise], 1), torch.cat([mask, torch.ones_like(noise, dtype=torch.bool)], 1)
    padded_logits, padded_attention = net(*padded, lengths, statics, known)

    for stay, length in enumerate(lengths):
        torch.testing.assert_close(padded_logits[:, stay, :length], logits[:, stay, :length], rtol=1e-5, atol=1e-6)
    torch.testing.assert_close(padded_attention[:, :, :HOURS], attention)
    assert padded_attention[:, :, HOURS:].eq(0).all()


@given(seed=st.integers(0, 1000))
@settings(max_examples=15, deadline=None)
def test_a_stay_is_judged_the_same_alone_and_in_company(seed):
    net = network()
    batch = stays(seed)

    together, _ = net(*batch)
    alone, _ = net(*(t[2:3] for t in batch))

    torch.testing.assert_close(alone[:, 0], together[:, 2], rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("attention_size", [4, 0])
@pytest.mark.parametrize("core", ["gru", "lstm", "rnn"])
def test_attention_sums_to_one_and_is_zero_on_padding(core, attention_size):
    batch = stays(1)

    _, attention = network(core=core, attention_size=attention_size)(*batch)

    torch.testing.assert_close(attention.sum(2), torch.ones(2, 4))
    assert attention[:, torch.arange(HOURS) >= batch[2][:, None]].eq(0).all()
    assert attention.ge(0).all()


def test_the_shapes_are_members_stays_hours_classes():
    logits, attention = network()(*stays())

    assert logits.shape == (2, 4, HOURS, 3)
    assert attention.shape == (2, 4, HOURS)


def test_gradients_reach_the_measured_cells_and_no_others():
    x, mask, lengths, statics, known = stays(3)
    x.requires_grad_(True)
    statics.requires_grad_(True)

    logits, _ = network()(x, mask, lengths, statics, known)
    at_end = logits[:, torch.arange(4), lengths - 1].square().sum()
    at_end.backward()

    assert x.grad.isfinite().all()
    assert x.grad[~mask].eq(0).all()
    assert x.grad[mask].ne(0).all()
    assert statics.grad[~known].eq(0).all()
    assert statics.grad[known].ne(0).any()


def test_gradients_are_finite_where_nothing_or_one_thing_was_measured():
    x, mask, lengths, statics, known = stays(3)
    mask[0] = False
    mask[1] = False
    mask[1, 0, 0] = True
    x = (x * mask).requires_grad_(True)

    network()(x, mask, lengths, statics, known)[0].sum().backward()

    assert x.grad.isfinite().all()


def test_a_hidden_sensor_is_a_sensor_that_was_never_connected():
    net = network()
    x, mask, lengths, statics, known = stays(5)
    keep = torch.tensor([1.0, 0.0, 1.0, 0.0, 1.0]).expand(4, -1)

    hidden = net.prepare(x, mask, lengths, statics, known).hide(keep)
    absent = net.features(x * keep[:, None], mask & (keep[:, None] > 0), lengths, statics, known)

    for one, other in zip(hidden, absent, strict=True):
        torch.testing.assert_close(one, other)


def test_summaries_say_what_their_names_say():
    net = network()
    x = torch.tensor([2.0, 0.0, -1.0, 5.0])[None, :, None].expand(1, 4, FEATURES)
    mask = torch.tensor([True, False, True, True])[None, :, None].expand(1, 4, FEATURES)
    net.features.centre.zero_()
    net.features.spread.fill_(1e6)  # so that the soft bound bends nothing

    inputs = net.features(x, mask, torch.tensor([4]), torch.zeros(1, STATICS), torch.zeros(1, STATICS) > 0)
    last, mean, lowest, highest, sd = (inputs.summaries[0, 2, i, 0].item() * 1e6 for i in range(5))

    assert (last, mean, lowest, highest, sd) == pytest.approx((-1, 0.5, -1, 2, 1.5), abs=0.02)


def test_answers_at_chosen_hours_are_those_of_all_hours():
    net = network()
    batch = stays(7)
    inputs, lengths = net.features(*batch), batch[2]
    hours = torch.stack([lengths - 1, torch.zeros_like(lengths)], dim=1)
    row = torch.arange(4)[:, None]

    everything, _ = net.answer(inputs, lengths)
    chosen = inputs._replace(summaries=inputs.summaries[row, hours], context=inputs.context[row, hours])
    some, _ = net.answer(chosen, lengths, hours)

    torch.testing.assert_close(some, everything[:, row, hours])


def test_asking_about_the_last_hour_only_gives_the_same_answer():
    net = network()
    batch = stays(8)
    lengths = batch[2]

    everything, attention = net(*batch)
    last, same_attention = net(*batch, hours=lengths[:, None] - 1)

    torch.testing.assert_close(last[:, :, 0], everything[:, torch.arange(4), lengths - 1])
    torch.testing.assert_close(same_attention, attention)


def test_a_stack_answers_as_its_members_do_one_by_one():
    single = [network(seed, members=1) for seed in (1, 2, 3)]
    for other in single[1:]:
        other.features.load_state_dict(single[0].features.state_dict())
    batch = stays(2)

    logits, attention = stack(single)(*batch)

    torch.testing.assert_close(logits, torch.cat([n(*batch)[0] for n in single]))
    torch.testing.assert_close(attention, torch.cat([n(*batch)[1] for n in single]))


def test_a_network_is_rebuilt_from_its_own_config():
    net = network()

    again = build_network(net.config)
    again.load_state_dict(net.state_dict())

    torch.testing.assert_close(again.eval()(*stays())[0], net(*stays())[0])


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"hidden_size": 10**9}, "hidden_size must be a whole number from 1 to 1024"),
        ({"members": True}, "members must be a whole number"),
        ({"input_size": "37"}, "input_size must be a whole number"),
        ({"num_classes": 1}, "num_classes must be a whole number from 2"),
        ({"dropout": 1.0}, "dropout must be a number from 0"),
        ({"summary_dropout": None}, "summary_dropout must be a number from 0"),
        ({"core": "os.system"}, "core must be one of rnn, lstm, gru"),
        ({"core": ["gru"]}, "core must be one of rnn, lstm, gru"),
        ({"extra": 1}, "unknown entry extra"),
    ],
)
def test_a_config_out_of_range_is_refused_before_anything_is_built(change, says):
    with pytest.raises(BundleError, match=says):
        build_network(CONFIG | change)


def test_a_config_without_its_sizes_is_refused():
    with pytest.raises(BundleError, match="missing static_size, num_classes"):
        build_network({"input_size": 3})


@pytest.mark.parametrize("core", ["gru", "lstm", "rnn"])
def test_cores_side_by_side_say_what_they_say_apart(core):
    torch.manual_seed(0)
    net = build_network(
        {"input_size": 3, "static_size": 2, "num_classes": 2, "members": 7, "core": core, "hidden_size": 5}
    ).eval()
    x, mask = torch.randn(4, 9, 3), torch.rand(4, 9, 3) < 0.5
    stays = (x * mask, mask, torch.tensor([9, 1, 4, 9]), torch.randn(4, 2), torch.rand(4, 2) < 0.5)
    names = list(net.state_dict())
    apart = net(*stays)

    together = net.freeze()(*stays)

    torch.testing.assert_close(together, apart, rtol=0, atol=1e-5)
    assert list(net.state_dict()) == names
    assert not any(p.requires_grad for p in net.parameters())


def test_the_hours_asked_about_get_the_answers_they_get_among_all():
    torch.manual_seed(1)
    net = build_network({"input_size": 3, "static_size": 2, "num_classes": 2, "members": 2}).eval()
    x, mask = torch.randn(5, 12, 3), torch.rand(5, 12, 3) < 0.4
    stays = (x * mask, mask, torch.full((5,), 12), torch.randn(5, 2), torch.ones(5, 2, dtype=torch.bool))
    hours = torch.randint(0, 12, (5, 2))
    every, _ = net(*stays)
    some, _ = net(*stays, hours)
    torch.testing.assert_close(some, every[:, torch.arange(5)[:, None], hours], rtol=0, atol=1e-6)
