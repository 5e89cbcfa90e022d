import io

from medgru.training.progress import Epoch, Reporter, TerminalBar, terminal_progress

EPOCH = Epoch("network 1 of 5", 3, 40, loss=0.3456, val_loss=0.3, auroc=0.861, auprc=0.5, grad_norm=0.47, seconds=1.0)


def test_the_bar_shows_stage_loss_auroc_auprc_gradient_and_time_left():
    screen = io.StringIO()

    with TerminalBar("training", file=screen) as bar:
        bar.epoch(EPOCH)

    last = screen.getvalue().split("\r")[-1]
    for part in ("network 1 of 5", "3/40", "loss 0.346", "AUROC 0.861", "AUPRC 0.500", "gradient 0.47"):
        assert part in last


def test_a_quiet_run_shows_nothing(capsys):
    with terminal_progress(quiet=True) as progress:
        progress.epoch(EPOCH)

    assert type(progress) is Reporter
    assert capsys.readouterr() == ("", "")


def test_a_run_at_the_terminal_shows_the_bar_on_standard_error(capsys):
    with terminal_progress(quiet=False) as progress:
        progress.epoch(EPOCH)

    out, err = capsys.readouterr()
    assert out == ""
    assert "AUROC 0.861" in err
