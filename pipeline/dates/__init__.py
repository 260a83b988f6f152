"""Times as text: canonical timestamps, time zones, locales, and the patterns of Joda-Time and java.time.

A timestamp is always the text that Logstash prints: UTC, `2026-02-03T04:05:06.789Z`, with 3, 6 or 9 digits of
fraction. `timestamps` makes and reads them, `joda_format` and `java_time` print them by a pattern, `joda_parse`
reads any text by a pattern, `zones` and `locales` know the names in them.

May import `pipeline.errors`, `pipeline.clock` and the standard library. Knows nothing of events and options.
"""
