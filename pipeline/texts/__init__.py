"""Bytes, texts and values: charsets, lines, JSON documents, Ruby's conversions. What several plugins share."""
