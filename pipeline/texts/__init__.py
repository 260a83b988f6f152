"""Bytes, texts and values, each read or written one way for all plugins that do so.

    codecs, json_documents, file_lines, handed          from bytes to events, and back
    cef (cef_fields, cef_times), csv_lines, dictionaries     forms of text
    conversions, table_values                           values turned into others, as Ruby does it

May import the contracts and what is below them. Never a file but a dictionary's, never a socket.
"""
