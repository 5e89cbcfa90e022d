"""Every training run, like a lab book: how it went, how good it is beside others, and the way into use."""

from medgru.ui import compare_view, frame, run_view, runs_view

with frame.page("Runs"):
    chosen = runs_view.choose()
    if len(chosen) == 1:
        run_view.show(chosen[0])
    elif chosen:
        compare_view.show(chosen)
