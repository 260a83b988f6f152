"""Small languages: text in, closure out. Ruby's regular expressions, grok, dissections."""
