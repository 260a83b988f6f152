"""Requests over HTTP as a client: the options, the connections, and what answers mean for an output."""
