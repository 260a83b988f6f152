"""What is written about the plugins, from their own files: docs/reference, `apex-logs plugins`, docs/compatibility.md.

`distribution` also answers for `check`: what does the work of a plugin that is not here.
"""
