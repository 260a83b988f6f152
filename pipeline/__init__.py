"""apex-logs: runs a Logstash configuration, delivers what it took, and replays archives.

The rooms, from the top down; imports point down only:

    cli  explore                       arguments in, exit code out  |  the page in the browser
    replay                             archives in place of inputs
    front                              processes: sockets, acknowledgements, dealing of windows, signals
    pipelines  monitoring              several pipelines in a process, reload; health and statistics
    runtime, then running              one running pipeline: start, drain, stop  |  what can be seen of it
    persistence                        from the settings to a queue on disk
    config      |      delivery        text -> AST -> compiled pipeline  |  worker, retry, queue, dead letters
    registry, distribution             ("filter", "grok") -> pipeline/filters/grok.py  |  what Logstash has
    inputs  filters  outputs  codecs   plugins, one file each; they never import each other
    search                             questions about documents, over the embedded store and Elasticsearch
    beats  databases  documents  elasticsearch  geoip  http  kafka  loki  rabbitmq  redis  syslog  written
                                       what one or two plugins know, in rooms of their own
    sockets                            listening, streams and datagrams, for the inputs that have senders
    store  disk                        the embedded store  |  segments, followed files, archives
    protocols  languages  texts        bytes on the wire  |  small languages: text in, closure out  |  charsets, lines
    plugin, options, flow, then bus, batch   the contracts; where pipelines of one process meet
    sprintf, field_reference, java_text, event, dates, then errors  metrics  clock  spans  time_limits
"""
