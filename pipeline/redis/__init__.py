"""What the redis input and the redis output have in common: where the server is, and how messages are taken from it.

A list is read through lists of its own, so that nothing is lost between the server and the end of a batch
(docs/decisions/redis-lists.md).
"""
