"""Questions about documents, asked alike of the embedded store and of Elasticsearch: `questions` is where to begin.

May import the store, Elasticsearch's client and the query language. Must never change a document.
"""
