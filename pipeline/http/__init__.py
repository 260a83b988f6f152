"""Requests over HTTP as a client: the options, the connections, and what answers mean for an output.

`judging` is a pure function of statuses, and `options` loads no event loop: both serve a mere check.
"""
