import pytest
import torch

from medgru.errors import BundleError
from medgru.nn import build_network, gates
from medgru.nn.reference import run_gru
from medgru.sequences import Sequences

SIZES = {"input_size": 4, "static_size": 2, "num_classes": 2, "max_hours": 9, "hidden_size": 6, "members": 2}


def stays():
    g = torch.Generator().manual_seed(0)
    mask = torch.rand(3, 9, 4, generator=g) < 0.5
    x = torch.randn(3, 9, 4, generator=g) * mask
    return Sequences(x, mask, torch.tensor([9, 9, 5]), torch.randn(3, 2, generator=g), torch.ones(3, 2) > 0)


def network(**changes):
    torch.manual_seed(0)
    return build_network(SIZES | changes).eval()


def test_the_gru_written_out_is_torchs():
    torch.manual_seed(0)
    gru = torch.nn.GRU(7, 16, batch_first=True)
    x = torch.randn(5, 60, 7)

    torch.testing.assert_close(run_gru(gru, x).hidden, gru(x)[0], rtol=0, atol=1e-6)


@pytest.mark.parametrize("frozen", [False, True])
def test_the_gates_of_a_member_lead_to_its_own_states(frozen):
    net, s = network(), stays()
    if frozen:
        net.freeze()

    reset, update, hidden = gates(net, s, member=1)
    expected, _ = net.cores[1](net.prepare(s.x, s.mask, s.lengths, s.statics, s.statics_mask).steps)

    torch.testing.assert_close(hidden, expected, rtol=0, atol=1e-6)
    for gate in (reset, update):
        assert gate.shape == hidden.shape == (3, 9, 6)
        assert gate.gt(0).all()
        assert gate.lt(1).all()


@pytest.mark.parametrize(
    "change",
    [{"core": "lstm"}, {"core": "gru-d"}, {"core": "retain"}, {"num_layers": 2}, {"bidirectional": True}],
    ids=["lstm", "gru-d", "retain", "two layers", "both ways"],
)
def test_other_networks_have_no_gates_to_show(change):
    with pytest.raises(BundleError, match="GRU of one layer and one direction only"):
        gates(network(**change), stays())


@pytest.mark.parametrize("member", [-1, 2])
def test_a_member_that_is_not_there_is_refused(member):
    with pytest.raises(BundleError, match="This model has 2 networks"):
        gates(network(), stays(), member)
