"""Where a document goes: index, id, action, and the item of a bulk request. For the outputs that write documents.

`options` says what may be configured, `addressing` compiles it once to closures. Knows no server: what becomes of an
item is `pipeline.protocols.bulk`'s to judge.
"""
