r"""Ruby's regular expressions, against Oniguruma itself.

The oracle speaks Oniguruma's own dialect, in which `\w`, `\d` and `\s` know all of Unicode. Where the dialects differ
the tables below hold what Ruby does; patterns that both run write those classes as `<w>`, or `{w}` inside a class, and
the oracle gets the ASCII ranges in their place.
"""

import onigurumacffi
import pytest

from pipeline.languages import ruby_regex, ruby_regex_sets
from pipeline.languages.ruby_regex import PatternError
from tests.languages.oracle import for_oracle, for_ruby, oracle_spans, spans

SUBJECTS = [
    *("", "a", "abc", "a\n", "\na", "ab\ncd\n", "foo bar", "foo_bar-baz 12.5", "ABC abc", "aaa", "aab", "aaaa", "a{2"),
    *("\r\n", "x\r\ny", "é", "éa b", "über", "ſK", "k s", "①²a", "a²", "日本語 text", "\t x\v", "]a", "a]", "^", "a-c"),
    *("&&", "{", "0x1F", "a\u0301b", "\u2028", "\x85", "_x_", "\x00\x01", "1234567", "bob@orange", "+-12.5e3"),
]

PATTERNS = [
    # anchors: ^ and $ are about lines, and ^ does not match behind the last newline
    *(
        "^",
        "$",
        "^a",
        "a$",
        "^$",
        r"\Aa",
        r"a\z",
        r"a\Z",
        r"\z",
        r"\Z",
        "^<w>+$",
        r"\n$",
        "^^a",
        "$$",
        "(?<=^)a",
        r"(?<=\n)^c",
    ),
    *(r"\b", r"\B", r"\bfoo\b", r"\b.\b", r"\Ba", r"a\B", "(^|b)", "^|b", "^(?=a)", "a?^", "^a?$"),
    # the dot, and what options do to it
    *(".", "(?m).+", "(?m:.*)c", "a.c", "(?m-i).", "(?-m).", "(?m)a|.b", "(?mi)A."),
    # case
    *(
        "(?i)ABC",
        "(?i:a)BC",
        "a(?i)B|C",
        "(?i)[a-c]+",
        "(?i)[^a]",
        "(?i)[[^a]b]",
        "(?i)k",
        "(?i)s",
        "(?i)ſ",
        "(?i)[k-t]",
    ),
    *(
        "(?i)É|ü",
        r"(?i)(a)\1",
        r"(?i)\p{Lu}",
        r"(?i)[\p{Lu}]",
        "(?i)[[:upper:]]",
        r"(?i)\x{e9}",
        "(?i)(?<=A)b",
        "(?i-m:A)",
    ),
    # classes
    *(
        "<w>+",
        "<W>",
        "<d>+",
        "<s>",
        "<S>+",
        r"\h+",
        r"\H",
        "[^{w}]+",
        r"[^\n]+",
        r"[^a\n]*$",
        "[]a]",
        "[^]a]",
        "[a-]",
        "[-a]",
    ),
    *(
        "[a-c-e]",
        "[{w}.-]+",
        "[a-z&&[^aeiou]]+",
        "[^a-z&&b]",
        "[a-z&&b-y&&c-x]+",
        "[a[b-c]]+",
        r"[\]\[]",
        r"[\b]",
        r"[\n-\r]",
    ),
    *(r"[\x41-\x43]", r"[{s}{S}]+", "[é-ü]", "[^é]", "[^^]", "[a^]", r"[\^a]", "[^[^a]]", "[a&b]", r"[+\--/]"),
    *(
        "[[:alpha:]]+",
        "[[:alnum:]]+",
        "[[:upper:]]",
        "[[:lower:]]+",
        "[[:digit:]]",
        "[[:^alpha:]]",
        "[[:word:]]+",
        "[[:cntrl:]]",
    ),
    *(
        "[[:graph:]]+",
        "[[:print:]]+",
        "[[:blank:]]",
        "[[:space:]]",
        "[[:xdigit:]]+",
        "[^[:alpha:]]",
        "[[:alpha:]&&[:ascii:]]+",
    ),
    *(
        r"\p{Alpha}+",
        r"\P{Alpha}",
        r"\p{^Alpha}",
        r"\p{L}+",
        r"\p{Lu}",
        r"\p{Han}+",
        r"\p{Greek}",
        r"[\p{L}&&\p{ASCII}]+",
    ),
    # escapes
    *(
        r"\x41",
        r"\x{e9}",
        r"\u00e9",
        r"\xC3\xA9",
        r"\101",
        r"\0",
        r"\x00",
        r"\t",
        r"\v",
        r"\a\e\f",
        r"\cA",
        r"\C-a",
        r"\-",
        r"\/",
    ),
    *(r"\@", r"\é", r"\_", r"\R", r"\R+", r"\.", r"\{", "{", "a{2", "a{,}", "a{b}", "a{-1}"),
    # repeats
    *(
        "a++b",
        "a*+a",
        "a?+a",
        "a{2}",
        "a{2}+",
        "a{1,2}+a",
        "a{2}?",
        "a{1,}?",
        "a{,2}",
        "a{,2}?",
        "a{2,3}?",
        "a**",
        "a+*",
        "a?*",
    ),
    *(
        "a+?+",
        "(?:a?)*b",
        "(|a)+",
        "(?:|a)*",
        "(a|b|)*",
        "(a*)*",
        "(a*)+",
        "(a?)*?b",
        "(a(b)?)+",
        "(?:(a)|b)*",
        "a{2}{2}",
        "a{0}",
    ),
    # groups, looks, references
    *(
        "(a)(b)?",
        "(?<x>a)(b)",
        "(?<x>a)|(?<x>b)",
        r"(?<x>a)\k<x>",
        r"(?'x'a)\k'x'",
        r"(a)\1",
        r"(a)\k<1>",
        r"(a)\k<-1>",
    ),
    *(
        "(?>a+)b",
        "(?>a*)a",
        "(?=a)",
        "(?!a)",
        "(?<=a)b",
        "(?<!a)b",
        "(?<=a|bc)d",
        "(?<!a|bc)d",
        "(?<=a{2})b",
        "(?<=(?i)A)b",
    ),
    *(
        "(a|ab)(c|bcd)(d*)",
        "(a)?(?(1)b|c)",
        "(?<x>a)?(?(<x>)b|c)",
        r"(?<y>x)?b(?<y>c)\k<y>",
        r"(?<y>a)|(?<y>b)\k<y>",
        "()",
        "",
    ),
    *(
        r"a\Kb",
        r"(a)\Kb",
        r"(?:a|b)\Kc",
        "(?#c)a",
        "a|b|",
        "|a",
        "(?x) a b c ",
        "(?x) a +",
        "(?x)[ ]b",
        "(?x: a # b\n b)",
        "(?i:(?<y>a))b",
    ),
    # as users write them
    r"(?<![0-9.+-])(?>[+-]?(?:(?:[0-9]+(?:\.[0-9]+)?)|(?:\.[0-9]+)))",
    r"(<d>)(?=(<d>{3})+$)",
    r"(<w>+)@(<w>+)",
    r"\A(?:a|b)+\z",
    r"(?=.*b)a",
]


@pytest.mark.parametrize("pattern", PATTERNS)
def test_as_oniguruma(pattern):
    ours, oracle = ruby_regex.compile(for_ruby(pattern)), onigurumacffi.compile(f"(?:{for_oracle(pattern)})")
    for subject in SUBJECTS:
        assert spans(ours, ours.groups, subject) == oracle_spans(oracle, subject), subject


SWEEPING = [
    ".*a",
    ".*?a",
    ".+b",
    ".+?b$",
    "(.*)a(.*)",
    "(?<x>.*?)b(?<y>.*)",
    "(?:(?:.*))b",
    ".*?a|.*b",
    ".*a|b",
    ".*^b",
    ".*$",
    ".*\\z",
    ".*?(?<=^.)b",
    "(?>.*?a)b",
    "(?>.*)b",
    ".*+b",
    "(.*)b\\1",
    "(.*)?b",
    ".{2,}b",
    ".{0,2}b",
    "(?m).*b",
    "(?m:.*?)b\\z",
    "(?m:.)*?ab",
]
LINES = [
    "",
    "a",
    "b",
    "ab",
    "aab",
    "axbx",
    "bb",
    "x\ny",
    "a\nb",
    "xx\nab\n",
    "\n",
    "b\n\nab",
    "éb",
    "é\naé b",
    "aa\nba b",
]


@pytest.mark.parametrize("pattern", [*SWEEPING, *map(for_ruby, PATTERNS)])
def test_what_is_found_is_what_a_search_finds(pattern):
    ours = ruby_regex.compile(pattern)
    for subject in [*LINES, *SUBJECTS]:
        found, searched = ours.find(subject), ours.search(subject)
        assert (found and found.regs) == (searched and searched.regs), subject


# Ruby's dialect: ASCII for \w \d \s \h, Unicode for the rest; nothing that Oniguruma adds.
@pytest.mark.parametrize(
    ("pattern", "subject", "span"),
    [
        (r"\w+", "éa_1é", (1, 4)),
        (r"\W", "aé", (1, 2)),
        (r"\d", "٣3", (1, 2)),
        (r"\s", "\u00a0\u2003 ", (2, 3)),
        (r"[\w]+", "éa", (1, 2)),
        (r"[^\w]", "aé", (1, 2)),
        (r"[[:alpha:]]+", "1éa", (1, 3)),
        (r"\bé", "é", (0, 1)),
        (r"[[:punct:]]", "a+", (1, 2)),
        (r"[[:punct:]]", "a©", None),
        (r"\y", "y", (0, 1)),
        (r"[\w-x]+", "-x", (0, 2)),
        (r"[a-\d]+", "-1a", (0, 3)),
        (r"^*a", "a", (0, 1)),
        (r"(?:a|\b)*c", "ac", (0, 2)),
        (r"(?x)a b # c", "ab", (0, 2)),
        (r"(?<a-b>x)", "x", (0, 1)),
        (r"(?i)ß", "ẞ", (0, 1)),
    ],
)
def test_as_ruby(pattern, subject, span):
    found = ruby_regex.compile(pattern).search(subject)
    assert (found and found.span()) == span


@pytest.mark.parametrize(
    ("pattern", "reason"),
    [
        ("(", '"(" without ")"'),
        (")", '")" without "("'),
        ("a)", '")" without "("'),
        ("[a", '"[" without "]"'),
        ("[[a]", '"[" without "]"'),
        ("[]", "an empty class"),
        ("*a", 'nothing before "*" to repeat'),
        ("a|+", 'nothing before "+" to repeat'),
        ("\\", "a backslash at the end"),
        ("[\\", "a backslash at the end"),
        ("[c-a]", "an empty range"),
        ("[a&&]", 'nothing on one side of "&&"'),
        ("[[:foo:]]", "there is no class [:foo:]"),
        (r"\p{Foo}", "there is no property"),
        ("a{3,1}", "a repeat from 3 to 1"),
        ("a{100001}", "too big a number for a repeat"),
        (r"\x{110000}", "too big a number for a character"),
        (r"\xe9", "not UTF-8"),
        (r"\351", "a byte of a longer character"),
        (r"\M-a", "cannot be read"),
        (r"\c", "cannot be read"),
        (r"(a)\2", 'no group "2"'),
        (r"\k<x>", 'no group "x"'),
        (r"(?<x>a)\1", "a number for a group where groups have names"),
        ("(?<>a)", "is no name for a group"),
        ("(?<1>a)", "is no name for a group"),
        ("(?<!(a))b", "captures in a negative look-behind"),
        ("(?<=a+)b", "look-behind requires fixed-width"),
        ("(?(1)a|b|c)(d)", "two branches at most"),
        ("(?(x)a)", "must name a group"),
        ("(?#a", "a comment without its end"),
        ("(?~a)", 'a group "(?~...)"'),
        (r"(?<n>a)\g<n>", r'"\g" is not supported'),
        (r"\Ga", r'"\G" is not supported'),
        (r"\X", r'"\X" is not supported'),
        (r"(?a)\w", 'the option "a" is not supported'),
        (r"(?@a)", "is not supported"),
        (r"(\1a)", "cannot refer to an open group"),
        (r"\2(a)(b)", "invalid group reference"),
    ],
)
def test_refused(pattern, reason):
    with pytest.raises(PatternError) as refused:
        ruby_regex.compile(pattern)
    assert reason in str(refused.value)
    assert f"/{pattern}/" in str(refused.value)


@pytest.mark.parametrize("name", sorted(ruby_regex_sets.POSIX_NAMES - {"punct"}))
def test_posix_classes_hold_what_they_hold_in_oniguruma(name):
    ours, oracle = ruby_regex.compile(f"[[:{name}:]]"), onigurumacffi.compile(f"[[:{name}:]]")
    # Characters that are old enough for every version of Unicode's tables.
    for code in [
        *range(0x250),
        *range(0x370, 0x3F0),
        *range(0x5D0, 0x5EB),
        *range(0x2000, 0x2065),
        0x3042,
        0x4E00,
        0x1F600,
    ]:
        assert bool(ours.match(chr(code))) == bool(oracle.match(chr(code))), hex(code)
