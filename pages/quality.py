"""How good the data is: for whom there is enough, what was measured, what looks wrong, who could be recognised."""

from medgru.ui import frame, quality_view

with frame.page("Quality"):
    looked_at = quality_view.choose()
    if looked_at is not None:
        quality = quality_view.assessed(looked_at)
        quality_view.headline(looked_at, quality)
        quality_view.section(looked_at, quality)
