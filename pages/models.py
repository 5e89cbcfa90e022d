"""Every model: which is in use, its card, its figures and its files."""

from medgru.ui import cache, frame, library_view, models_view

with frame.page("Models"):
    usable, broken = cache.bundles()
    models_view.unusable(broken)
    library_view.table(usable)
    library_view.in_use(usable)
    if chosen := models_view.choose(usable):
        library_view.actions(chosen)
        models_view.card(chosen)
        models_view.figures(chosen)
        models_view.files(chosen)
    library_view.bring()
