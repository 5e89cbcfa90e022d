"""MedGRU: recurrent diagnosis models for medical sequences, with their reasons and their doubts.

Research and demonstration software. Not a medical device.
"""

__version__ = "0.1.0"

NOTICE = (
    "Research and demonstration only. Not a medical device, not for decisions about real patients. "
    "Do not enter identifiable patient data."
)
