"""apex-logs: runs a Logstash configuration, delivers what it took, and replays archives.

The rooms, from the top down; imports point down only:

    cli, then commands                 arguments in, exit code out  |  what each command does
    explore                            the page in the browser
    replay                             archives in place of inputs
    front                              processes: sockets, acknowledgements, dealing of windows, signals
    pipelines  monitoring              several pipelines in a process, reload; health and statistics
    runtime, then running              one running pipeline: start, drain, stop  |  what can be seen of it
    persistence                        from the settings to a queue on disk
    config      |      delivery        tree -> checked plan -> compiled pipeline  |  worker, retry, queue, dead letters
    settings                           logstash.yml, pipelines.yml
    registry, reference                ("filter", "grok") -> pipeline/filters/grok.py  |  what is written about plugins
    inputs  filters  outputs  codecs   plugins, one file each; they never import each other
    search                             questions about documents, over the embedded store and Elasticsearch
    beats  databases  documents  elasticsearch  geoip  http  kafka  loki  rabbitmq  redis  syslog  written
                                       what one or two plugins know, in rooms of their own
    sockets                            listening, streams and datagrams, for the inputs that have senders
    stored_queue                       the persistent queue, as it lies on disk
    store  disk                        the embedded store  |  segments, followed files, archives
    languages                          Ruby regex, grok, dissections: text in, closure out
    protocols  grammar  kql  texts     bytes on the wire  |  the text of a configuration -> a syntax tree, its faults
                                       |  queries: text in, predicate out  |  charsets, lines, forms of text
    field_renaming, then arrivals  field_setting  name_lookups  pulled  schedules  tls    what several plugins do alike
    plugin  options  flow, then bus, then batch      the contracts; where pipelines of one process meet
    sprintf, then java_text  field_reference  event_ids, then event  dates, then errors  metrics  clock  spans
    time_limits

To follow an event of a Beat, read in this order:

    inputs/beats.py, beats/server.py        a connection, its windows; a piece of one is given out as a batch
    runtime.py                              `Pipeline.run` puts worker and outlets together, and lets inputs flow
    delivery/worker.py                      the heart: each event of the batch is decoded and run through the flow
    beats/events.py                         from the bytes of the piece to an event
    config/compile.py, config/built.py      the flow: filters such as filters/json.py, conditions, routes
    delivery/outlets.py                     each output it goes to renders it: documents/addressing.py
    delivery/retry.py                       a body is sent by outputs/elasticsearch.py until each item has its end
    protocols/bulk.py                       what the server's answer says of each item
    delivery/tickets.py                     the last item has its end, so has the batch: the window is acknowledged

A line of a file comes by inputs/file.py, disk/tailed_files.py and disk/followed_file.py, which reads it, and
texts/file_lines.py, which decodes it; at the end of its batch its position may be saved (disk/sincedb.py).
"""
