import numpy as np
import pytest

from medgru.data.labelled import LabelledStays
from medgru.errors import TrainingError
from medgru.training.config import Recipe
from medgru.training.grud_benchmark import AVERAGED, FOLDS, NETWORKS, grud_benchmark, render_grud, run_grud_benchmark
from medgru.training.progress import Reporter


class Listener(Reporter):
    def __init__(self):
        self.epochs, self.stages = [], []

    def stage(self, text):
        self.stages.append(text)

    def epoch(self, epoch):
        self.epochs.append(epoch)


@pytest.mark.slow
def test_every_stay_is_measured_once_and_the_mean_stands_beside_the_published_figure(random_recordings):
    recordings = random_recordings(stays=160, rows=15, hours=10)
    died = np.arange(160) % 3 == 0
    stays = LabelledStays("invented", recordings, died.astype(np.int64), "0" * 64)
    listener = Listener()

    table = grud_benchmark(stays, Recipe(epochs=1), seed=0, reporter=listener)
    text = render_grud(table)

    assert table["stays"].sum() == 160
    assert table["events"].sum() == died.sum()
    assert table["AUROC"].between(0, 1).all()
    assert table[f"AUROC, {AVERAGED}"].between(0, 1).all()
    assert f"{table['AUROC'].mean():.4f}" in text
    assert "0.8424 ± 0.012" in text
    assert [e.done for e in listener.epochs] == list(range(1, FOLDS * NETWORKS + 1))
    assert listener.epochs[-1].total == FOLDS * NETWORKS
    assert listener.stages[0].startswith(f"fold 1 of {FOLDS}")


def test_without_the_public_files_it_says_what_to_download(tmp_path):
    with pytest.raises(TrainingError, match=r"set-a.tar.xz with Outcomes-a.txt"):
        run_grud_benchmark(tmp_path, quiet=True)
