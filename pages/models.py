"""The card of each model: what it is for, how good it is, where it fails."""

from medgru.ui import cache, frame, models_view

with frame.page("Models"):
    usable, broken = cache.bundles()
    models_view.unusable(broken)
    if chosen := models_view.choose(usable):
        models_view.card(chosen)
        models_view.figures(chosen)
        models_view.files(chosen)
