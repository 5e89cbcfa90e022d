"""All Streamlit code that pages share: shell, frame, state, caches, widgets and the parts of each page.

    server      threads, headers, error log: once a server
    shell       page settings, notice, navigation: once a run, before every page
    frame       title and calm errors around every page
    state       what one session remembers; the only place with session keys
    cache       what all sessions share: models and simulated patients; the only place with cache decorators
    results     the answer of one model about one stay, computed once a session
    model_words what a model says of itself: its name, where it came from, on whom it was measured
    own_model   on what the probabilities of a user's model rest, and whom it has seen
    widgets     choices and downloads that pages share
    words       numbers and names as they stand on the screen
    run_parts   heading, progress, curves, ending and result of a run; on Retrain, Runs and Lab
    mapping_view what each column became: guesses checked one by one, kept by name; on Upload and Retrain
    use_view    which model is in use, the gate to it, the way back; on Runs and Models
    *_view      the parts of one page; of Cohort also cohort_scoring, _list, _outcomes; of Retrain also retrain_data,
                _task, _new_task, _settings, _parts, _live; of Lab also lab_gates

Keys of widgets and charts, each a CSS class `st-key-<key>` in the browser:

    everywhere  notice
    Start       door_simulated, door_upload, door_retrain, start_simulated, start_upload, start_retrain, simulated_<n>,
                start_simulated_<n>, model_<id>, read_card_<id>
    Upload      upload_task, upload_files, upload_forms (upload_forms_folded once there are files),
                upload_template_wide, upload_template_long, upload_read_box (folds), upload_read; pictures or curves
                alone: upload_unseen, upload_to_retrain; a saved mapping:
                upload_offer, upload_offer_name, upload_use_saved, upload_reused, upload_reuse_undo; a guess:
                upload_review, upload_right, upload_review_becomes, upload_review_unit, upload_review_leave_out,
                upload_all_right, upload_review_chart; upload_mapping_box (folds), upload_mapping, upload_change,
                upload_change_column, upload_becomes_<n>, upload_unit_<n>, upload_change_chart; upload_checked,
                upload_keep, upload_save_name, upload_save, upload_mapping_json, upload_bring (opens),
                upload_mapping_file, upload_saved, upload_saved_one, upload_saved_rename_to, upload_saved_rename,
                upload_saved_delete (opens), upload_saved_delete_yes; upload_set_aside, upload_issues,
                upload_issues_csv, upload_preview_box (folds), upload_preview, upload_ready, upload_go, upload_quality
    Cohort      cohort_bar with patient_source and patient_model, cohort_scale_2, cohort_outcomes_box (opens),
                cohort_outcome_column, cohort_outcome_file (drop zone), cohort_outcome_file_away; while it scores
                cohort_scoring, cohort_stop, cohort_stopped, cohort_go_on; cohort_operating, cohort_threshold,
                cohort_capacity, cohort_base_rate, cohort_meaning, cohort_beside (opens), cohort_comparison,
                cohort_distribution; cohort_order,
                cohort_search, cohort_alerts_only, cohort_rising_only, cohort_news2, cohort_range,
                cohort_choice_<n>; cohort_heading, cohort_open, cohort_list, cohort_abstained, cohort_thin;
                cohort_exports,
                cohort_<shown or all>_<csv, xlsx or parquet>
    Quality     quality_empty, quality_bring_file, quality_simulated, quality_section; by patient quality_verdicts,
                quality_patients_<rows>, quality_see, quality_patients_csv; by variable quality_variables,
                quality_variables_csv; over time quality_whose, quality_map or quality_stay_map, quality_map_box
                (folds), quality_map_table, quality_map_csv; what looks wrong quality_finding_<n> (folds),
                quality_finding_rows_<n>, quality_finding_csv_<n>, quality_issue_groups, quality_issues,
                quality_issues_csv; identifiers, also on Upload with upload_: quality_suspects,
                quality_identifiers_remove, quality_removed, quality_key; on Upload upload_identifiers,
                upload_identifiers_keep, upload_identifiers_box (folds)
    Patient     patient_empty, patient_see_simulated, patient_see_brought, patient_bring_file, patient_source,
                patient_previous, patient_stay, patient_next, patient_model, patient_bar, patient_abstains,
                patient_abstained_number (folds), patient_caution, patient_class_probabilities, patient_icon_array,
                patient_scores, patient_scores_box (folds), patient_scale_2, patient_in_words, patient_all_variables,
                patient_timeline, and for hourly, contributions, measurements: patient_<table>_box (folds),
                patient_<table> (table), patient_<table>_csv (download)
    Retrain     step_<n>, retrain_empty, retrain_template, retrain_source, retrain_patients (drop zone),
                retrain_outcomes_box (opens), retrain_outcomes (drop zone), retrain_no_outcomes, retrain_folder,
                retrain_folder_outcomes; retrain_mapping_box (folds), retrain_mapping; retrain_task, retrain_label,
                retrain_rule, retrain_patient; of a new question retrain_new_id, _time, _label, _title, _event, _rule,
                _more (folds), _features, _statics, _unit, _step, _patient, _finished, _columns; retrain_start_from,
                retrain_model, retrain_more (folds), retrain_<entry of RunConfig or Recipe>; retrain_classes,
                retrain_notes (folds); retrain_go, retrain_name, retrain_start, retrain_back; the run: retrain_run,
                retrain_heading, retrain_stop, retrain_resume, retrain_new, retrain_curves, retrain_result,
                retrain_to_runs; other runs: retrain_other_<run>, retrain_watch_<run>
    Runs        runs_empty, runs_retrain, runs_table, runs_heading, runs_stop, runs_resume, runs_delete,
                runs_delete_yes, runs_delete_no, runs_another, runs_curves, runs_result, runs_intervals, runs_words_box
                (folds), runs_name_<run>, runs_note_<run>, runs_facts_box (folds), runs_facts, runs_facts_csv,
                runs_config_json; of a lab runs_lab; the gate: runs_gate, runs_gate_box (folds), runs_gate_table,
                runs_promote, runs_override, runs_reason, runs_see, runs_see_upload; in use: runs_in_use_<task>,
                runs_roll_back_<task>, runs_history_box_<task> (folds), runs_history_<task>; two or more:
                runs_compared_intervals, runs_compared_curves, runs_differences, runs_all_settings, runs_settings,
                runs_settings_csv
    Lab         lab_run, lab_result, lab_heading, lab_stop, lab_resume, lab_figure, lab_claims, lab_verdicts (folds),
                lab_table_box (folds), lab_table, lab_table_csv; a new one: lab_new (where there is one already),
                lab_data, lab_models, lab_seeds, lab_name, lab_start, and for other data the first two steps of Retrain;
                the gates: lab_bar with the choices of Patient, lab_gate_model, lab_member, lab_gates
    Models      models_list, in use as on Runs with models_ before it, models_model, models_actions, models_use,
                models_use_yes, models_use_no, models_reason, models_export, models_delete, models_delete_yes,
                models_delete_no, models_card, models_metrics_box (folds), models_compared, models_metrics,
                models_metrics_csv, models_files, models_import_box (folds), models_import, models_zip, models_import_go
"""
