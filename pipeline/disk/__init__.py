"""What the engine keeps in files: segments of records, positions in followed files. No events, no pipelines."""
