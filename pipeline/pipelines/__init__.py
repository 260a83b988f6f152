"""Several pipelines in one process, and what takes their place at a reload.

chosen     a pipeline as the configuration names it, with its plan or its faults
links      which pipelines hand events to which, by the addresses of their `pipeline` plugins
post       one pipeline under its id, and the one that follows it
service    all posts of the process: start, signals, reload, stop

It may import everything below it: runtime and monitoring. How a pipeline is made, in this process or in several, is
told by who starts the service. Nothing here looks into an event.
"""
