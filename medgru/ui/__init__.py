"""All Streamlit code that pages share: shell, frame, state, caches, widgets and the parts of each page.

    server      threads, headers, error log: once a server
    shell       page settings, notice, navigation: once a run, before every page
    frame       title and calm errors around every page
    state       what one session remembers; the only place with session keys
    cache       what all sessions share: models and simulated patients; the only place with cache decorators
    results     the answer of one model about one stay, computed once a session
    widgets     choices and downloads that pages share
    words       numbers and names as they stand on the screen
    *_view      the parts of one page

Keys of widgets and charts, each a CSS class `st-key-<key>` in the browser:

    everywhere  notice
    Start       start_simulated, start_upload, simulated_<n>, start_simulated_<n>, model_<id>, read_card_<id>
    Upload      upload_files, upload_forms, upload_template_wide, upload_template_long, upload_read,
                upload_mapping, upload_change_column, upload_becomes_<n>, upload_unit_<n>,
                upload_set_aside, upload_issues, upload_issues_csv, upload_preview, upload_ready, upload_go
    Patient     patient_empty, patient_see_simulated, patient_bring_file, patient_source, patient_previous,
                patient_stay, patient_next, patient_model, patient_bar, patient_abstains,
                patient_class_probabilities, patient_icon_array, patient_in_words, patient_all_variables,
                patient_timeline, and for hourly, contributions, measurements: patient_<table>_box (folds),
                patient_<table> (table), patient_<table>_csv (download)
    Models      models_model, models_card, models_metrics_box (folds), models_compared, models_metrics,
                models_metrics_csv, models_files
"""
