"""What sends logs in: from nodes, and from Python programs.

Imports `pipeline.protocols`, `pipeline.disk` and the errors that these raise, and nothing else of the engine.
"""
