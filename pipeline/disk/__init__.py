"""What the engine keeps in files: segments of records, dead letters, positions in files. No events, no pipelines."""
