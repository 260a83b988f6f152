"""From the text of a configuration to a compiled pipeline.

    sources  ->  parser  ->  ast  ->  settings, options  ->  check  ->  compile

May import the registry, the contracts and what is below them; never delivery, never a socket.
"""
