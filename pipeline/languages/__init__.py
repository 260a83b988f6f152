"""Small languages: text in, closure out.

    ruby_regex      Ruby's regular expressions, run by Python's `re`: parser (reader, sets) -> tree -> writer; needs
    grok            patterns that name others: library, captures, and the reasons why one does not match
    dissection      %{ts} %{+ts} %{src}
    key_values      ip=1.2.3.4 error="not found"

Plain functions on values. What cannot be proven to mean the same is refused, never guessed.
"""
