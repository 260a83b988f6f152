"""What sends logs in: from nodes, and from Python programs. Imports `pipeline.protocols` and `pipeline.disk` alone."""
