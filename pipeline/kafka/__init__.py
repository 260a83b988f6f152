"""What the kafka input, the kafka output and `setup kafka` are made of: records, offsets, security, consumers, topics.

May import `tls`, the codecs' texts, and all below them. `events`, `jaas`, `ledger`, `options`, `records` and `topics`
know no sockets. `administration`, `members`, `consuming`, `group`, `producing` and `tokens` import aiokafka, which has
no types and is an extra: they are imported when a pipeline runs or topics are made, not for a mere check.
"""
