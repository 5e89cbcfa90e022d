"""Files in, checked patients out: what was read, as what, and what was set aside."""

from medgru.ui import frame, identifier_view, mapping_view, state, upload_view

with frame.page("Upload"):
    task = upload_view.choose_task()
    upload_view.receive(task)
    upload_view.accepted_forms(task)
    draft = state.draft()
    if draft and upload_view.only_unseen(draft):
        upload_view.what_was_read(draft, with_problems=False)
    elif draft:
        identifier_view.warn(draft)
        draft = mapping_view.reuse(draft)
        mapping_view.review(draft)
        mapping_view.fold(draft)
        upload_view.what_was_read(draft)
        upload_view.preview(draft)
        recordings = upload_view.recordings(draft)
        if recordings is not None:
            upload_view.set_aside(recordings)
            upload_view.ready(recordings)
