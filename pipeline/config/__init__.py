"""From the syntax tree of a configuration to a compiled pipeline.

    plan       every fault and surprise, nothing opened:  option_values -> check;  conditions;  quirks, claims, repeats
    building   plugins that work, and the flow between them:  decorations, readers;  compile, built, inline;  timing

May import the registry, the contracts and what is below them; never delivery, never a socket.
"""
