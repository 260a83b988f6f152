"""From a batch to the end of every event in it: worker, in-flight work, bodies, retry, queue, dead letters.

The only room that sleeps and repeats. Knows the contracts in `plugin` and `batch`; never the configuration,
never a plugin by name.
"""
