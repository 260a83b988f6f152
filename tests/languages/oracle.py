r"""Oniguruma itself, to compare with.

It speaks its own dialect, in which `\w`, `\d` and `\s` know all of Unicode: patterns that both run write those
classes as `<w>`, or `{w}` inside a class, and the oracle gets the ASCII ranges in their place.
"""

RANGES = {"w": "a-zA-Z0-9_", "d": "0-9", "s": r"\t-\r\x20"}


def for_ruby(pattern):
    for letter in "wdsWDS":
        pattern = pattern.replace(f"<{letter}>", f"\\{letter}").replace(f"{{{letter}}}", f"\\{letter}")
    return pattern


def for_oracle(pattern):
    for letter, ranges in RANGES.items():
        pattern = pattern.replace(f"<{letter}>", f"(?-i:[{ranges}])").replace(f"{{{letter}}}", ranges)
        letter = letter.upper()
        pattern = pattern.replace(f"<{letter}>", f"(?-i:[^{ranges}])").replace(f"{{{letter}}}", f"[^{ranges}]")
    return pattern


def spans(regex, groups, subject):
    found = regex.search(subject)
    return found and [found.span(number) for number in range(groups + 1)]


def oracle_spans(regex, subject):
    found = regex.search(subject)
    if found is None:
        return None
    numbers = range(regex.number_of_captures() + 1)
    return [found.span(number) if found._begs[number] >= 0 else (-1, -1) for number in numbers]
