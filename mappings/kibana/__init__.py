"""Kibana's objects, built from Python and kept as `apex-logs.ndjson` beside this file, for import by hand or by setup.

columns      what a Lens panel counts, and by what: one function each
charts       Lens panels from columns: lines and bars, tables, a region map
traffic, errors, latency, regions, requests      the panels, one module a group
searches     saved searches
objects      data view and references; the form of a saved object
dashboard    the grid
build        all of it in order; `make kibana` writes the file
"""
