"""What the outputs that write files have in common: their options, and the writing itself.

A path may depend on the event, but never leaves the folder that the configuration begins it with.
"""
