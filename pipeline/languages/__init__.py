"""Small languages: text in, closure out. Ruby's regular expressions; KQL, of which a tree comes out first."""
