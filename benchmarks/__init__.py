"""Measurements of speed and published numbers, each one command."""
