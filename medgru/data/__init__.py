"""Bytes in, Recordings out."""

from medgru.data.inspection import FileSummary, Inspection, inspect
from medgru.data.mapping import Mapping, Match
from medgru.data.readers import ENDINGS, READERS
from medgru.data.reading import build, read
from medgru.data.recording import ReadReport, Recordings
from medgru.data.source import Refusal, Source, sources
from medgru.data.templates import template, template_long

__all__ = [
    "ENDINGS",
    "READERS",
    "FileSummary",
    "Inspection",
    "Mapping",
    "Match",
    "ReadReport",
    "Recordings",
    "Refusal",
    "Source",
    "build",
    "inspect",
    "read",
    "sources",
    "template",
    "template_long",
]
