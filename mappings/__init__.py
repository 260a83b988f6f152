"""What the indices `apex-logs-*` look like from outside: field types, lifecycle, access, and Kibana's objects.

    fields       the type of each field; the file to change
    templates    component templates and index templates, for what a server knows
    lifecycle    how long an index lives
    access       the least that a writer and a reader may do; roles and API keys
    resources    all of these as requests, and what is there against what should be
    changes      two bodies, and the lines in which they differ
    kibana       data view, saved searches, dashboard; written to kibana/apex-logs.ndjson

It speaks to no server, and imports nothing of `pipeline`: bodies out, answers in, differences out. The commands
`apex-logs setup elasticsearch` and `apex-logs setup kibana` carry them.
"""
