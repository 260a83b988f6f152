"""A cluster from outside: its hosts, the options to reach it, the client, and what the output sets up in it.

For the elasticsearch output, and for the commands and the page that ask a cluster. `client` loads the official client,
and is imported when a pipeline runs, not for a mere check.
"""
