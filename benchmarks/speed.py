"""Speed as ratios in one run: `make bench`, or `python -m benchmarks.speed [--data DIR] [--model ID]`.

Machines are noisy and shared, so nothing here is a time to quote: each figure is the median of per-round
ratios between two things measured in alternation, in one process, on one torch thread.
"""

import argparse
import io
import lzma
import tarfile
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.csv
import torch
from captum.attr import IntegratedGradients
from torch import nn

from benchmarks.timing import ratio
from medgru.bundle import Bundle, load_bundle
from medgru.data import read
from medgru.data.demo import simulated_patients
from medgru.explain import contributions, event_probability
from medgru.predict import score
from medgru.settings import settings


def fastest_parse(archive: Path) -> tuple[np.ndarray, np.ndarray, pa.Table]:
    """The quickest reading of an archive of PhysioNet text files that we found: one decompression, one parse.

    Returns the index of the stay and the hours of each row, and a table with its parameter and value as numbers:
    what any use of the files needs, and nothing that ours adds (matching, units, ranges, duplicates, a report).
    """
    header = len(b"Time,Parameter,Value\n")
    raw = lzma.decompress(archive.read_bytes())
    with tarfile.open(fileobj=io.BytesIO(raw)) as tar:
        parts = [raw[m.offset_data + header : m.offset_data + m.size] for m in tar if m.isfile()]
    table = pa.csv.read_csv(
        io.BytesIO(b"".join(parts)),
        read_options=pa.csv.ReadOptions(column_names=["Time", "Parameter", "Value"]),
        convert_options=pa.csv.ConvertOptions(
            column_types={
                "Time": pa.string(),
                "Parameter": pa.dictionary(pa.int32(), pa.string()),
                "Value": pa.float64(),
            }
        ),
    )
    stay = np.repeat(np.arange(len(parts)), [part.count(b"\n") for part in parts])
    digits = np.frombuffer(table["Time"].combine_chunks().buffers()[2], dtype=np.uint8)[: 5 * len(stay)].reshape(-1, 5)
    tens, ones, _, ten_minutes, minutes = (digits - 48.0).T  # every time is written HH:MM
    return stay, 10 * tens + ones + (10 * ten_minutes + minutes) / 60, table


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model", default="icu-mortality")
    parser.add_argument("--data", type=Path, default=settings().data_dir)
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    bundle = load_bundle(arguments.model)
    stay = simulated_patients(bundle.task)
    stay = stay.select([stay.record_ids[0]])

    rows = [one_stay(bundle, stay), preparation(bundle, stay), explanation(bundle, stay)]
    archive = arguments.data / "physionet2012" / "set-b.tar.xz" if arguments.data else None
    if archive and archive.is_file():
        rows.append(archive_to_scores(bundle, archive))
    else:
        print("set-b.tar.xz is not at hand (--data or MEDGRU_DATA_DIR): reading is not measured")
    for what, value, bar, detail in rows:
        print(f"{'ok  ' if value <= bar else 'OVER'} {value:6.2f} (bar {bar:g})  {what}  [{detail}]")


def one_stay(bundle: Bundle, stay) -> tuple[str, float, float, str]:  # type: ignore[no-untyped-def]
    """Probabilities and attention against the bare recurrent cores, both from the prepared tensor."""
    batch = bundle.preprocessor(stay)
    inputs = (batch.x, batch.mask, batch.lengths, batch.statics, batch.statics_mask)
    cores = [m for m in bundle.network.modules() if isinstance(m, nn.RNNBase)]
    tensors = [torch.randn(1, batch.x.shape[1], core.input_size) for core in cores]

    def bare() -> None:
        with torch.inference_mode():
            for core, x in zip(cores, tensors, strict=True):
                core(x)

    def whole() -> None:
        with torch.inference_mode():
            logits, _ = bundle.network(*inputs)
            bundle.calibrator(logits)

    value, above, below = ratio(whole, bare, 101)
    return "probabilities + attention / bare recurrent cores", value, 1.5, f"{above:.2f} / {below:.2f} ms"


def preparation(bundle: Bundle, stay) -> tuple[str, float, float, str]:  # type: ignore[no-untyped-def]
    """Milliseconds from recording to tensor: the one absolute figure, as its bar is absolute."""
    _, ms, _ = ratio(lambda: bundle.preprocessor(stay), lambda: bundle.preprocessor(stay), 51)
    return "ms to prepare one stay's tensor", ms, 5.0, "one core"


def explanation(bundle: Bundle, stay) -> tuple[str, float, float, str]:  # type: ignore[no-untyped-def]
    """Our contributions against captum's default call: 50 steps in one batch."""
    batch = bundle.preprocessor(stay)
    probability = event_probability(bundle, batch)

    def captum_default() -> None:
        IntegratedGradients(probability).attribute((batch.x, batch.statics))

    value, above, below = ratio(lambda: contributions(bundle, stay), captum_default, 11)
    steps = contributions(bundle, stay).steps
    return "contributions / captum's 50 steps", value, 0.5, f"{above:.0f} / {below:.0f} ms, {steps} steps"


def archive_to_scores(bundle: Bundle, archive: Path) -> tuple[str, float, float, str]:
    """From an archive of 4,000 text files to scores, against only reading and parsing them."""
    value, above, below = ratio(lambda: score(bundle, read([archive], bundle.task)), lambda: fastest_parse(archive), 5)
    return "set B, archive to scores / only parsed", value, 3.0, f"{above / 1e3:.1f} / {below / 1e3:.1f} s"


if __name__ == "__main__":
    main()
