"""What the kafka input and the kafka output are made of: records as bytes, offsets, security, consumers, a producer.

May import `tls`, the codecs' texts, and all below them. `events`, `jaas`, `ledger`, `options` and `records` know no
sockets. `members`, `consuming`, `group`, `producing` and `tokens` import aiokafka, which has no types and is an extra:
they are imported when a pipeline runs, not for a mere check.
"""
