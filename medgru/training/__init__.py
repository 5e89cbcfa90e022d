"""Training a task's ensemble, the usual models to compare with, and the published benchmark.

Nothing is imported here: settings of a run are plain values, and whoever reads them should not wait for torch.
"""
