"""Measurements: events of a seed, the floor, stages in this process, whole paths through engines of their own.

`python -m bench` prints all of them; `python -m bench.compare REV` runs this code on two trees. Imports the engine,
and is imported by none of it. What is measured is asserted to be right first.
"""
