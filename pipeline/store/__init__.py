"""The embedded store: one SQLite file an index. Knows documents and queries, nothing of events or pipelines."""
