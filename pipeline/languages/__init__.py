"""Small languages: text in, closure out. Ruby's regular expressions, the query language of `search`."""
