"""Logstash's settings files: `logstash.yml`, `pipelines.yml`, and those beside them that do nothing here.

Each setting is honoured, explained or refused. Knows nothing of configurations: what runs is given its `Settings`.
"""
