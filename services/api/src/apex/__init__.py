"""The services of the sign shop; `apex.api` is the one that is here."""
