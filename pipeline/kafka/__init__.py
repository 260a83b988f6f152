"""What the kafka input and the kafka output are made of: records as bytes, offsets, security, consumers, a producer.

May import `tls`, the codecs' texts, and all below them. `jaas`, `ledger` and `records` know no sockets; `consuming`,
`producing` and `tokens` import aiokafka, and are imported when a pipeline runs, not for a mere check.
"""
