"""The embedded store: one SQLite file an index, with its words in FTS5.

    names, files          which file an index is; how it is opened, marked and removed
    writer, timestamps    documents in, a transaction a body
    reader                documents out, by time and by the words of a query
    upkeep, expiry        soundness, room given back, whole indices dropped by age

Knows documents and queries, nothing of events or pipelines. A field never names a path.
"""
