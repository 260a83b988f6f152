"""Bytes, texts and values: charsets and lines, JSON documents, Ruby's conversions. What several plugins share."""
