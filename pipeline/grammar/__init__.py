"""The grammar of a configuration: text in; a syntax tree, or every fault in the text, out.

    loader  ->  sources  ->  parser (values, expressions, scalars, over scanner; recovery)  ->  ast

Knows no plugin and no meaning. Each node keeps its place, and a fault is shown at one, so that whatever is found wrong
later points into the text; the settings files say theirs with the same `faults`.
"""
