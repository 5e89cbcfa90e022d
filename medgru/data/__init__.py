"""Bytes in, Recordings out."""

from medgru.data.examination import NewTaskProposal, examine
from medgru.data.inspection import FileSummary, Inspection, inspect
from medgru.data.labelled import LabelledStays
from medgru.data.labels import LabelColumn, attach_labels, label_columns
from medgru.data.mapping import Mapping, Match
from medgru.data.new_task import define
from medgru.data.own_choices import NewTaskChoices, NewTaskColumn
from medgru.data.readers import ENDINGS, READERS
from medgru.data.reading import build, build_unseen, read
from medgru.data.recording import ReadReport, Recordings
from medgru.data.source import Refusal, Source, sources
from medgru.data.templates import template, template_long

__all__ = [
    "ENDINGS",
    "READERS",
    "FileSummary",
    "Inspection",
    "LabelColumn",
    "LabelledStays",
    "Mapping",
    "Match",
    "NewTaskChoices",
    "NewTaskColumn",
    "NewTaskProposal",
    "ReadReport",
    "Recordings",
    "Refusal",
    "Source",
    "attach_labels",
    "build",
    "build_unseen",
    "define",
    "examine",
    "inspect",
    "label_columns",
    "read",
    "sources",
    "template",
    "template_long",
]
