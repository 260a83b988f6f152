"""What is said of a text that cannot be read: every fault at once, at its place, with what would be right."""

import pytest

from pipeline.grammar.faults import Fault
from pipeline.grammar.parser import parse
from pipeline.grammar.sources import Source, Span


def faults_of(text: str) -> list[str]:
    """Each fault as "line:column text-under-the-caret: message"."""
    found = []
    for fault in parse([Source("t", text)])[1]:
        assert fault.span is not None
        found.append(f"{fault.span.place[2:]} {fault.span.text}: {fault.message}")
    return found


MASKED = [
    ('user => "u" password => "secret" x => 1', 'user => "u" password => ******** x => 1'),
    ("ssl_key_passphrase => 'a' keystore_password => 'a b'", "ssl_key_passphrase => *** keystore_password => *****"),
    ('api_key => "${KEY}" cloud_auth => "u:p"', 'api_key => "${KEY}" cloud_auth => *****'),
    ('"password" => abc', '"password" => ***'),
    ("xpack.monitoring.elasticsearch.password: changeme", "xpack.monitoring.elasticsearch.password: ********"),
    ('remove_field => ["password"]', 'remove_field => ["password"]'),
]


@pytest.mark.parametrize(("line", "shown"), MASKED)
def test_a_fault_shows_no_secret(line: str, shown: str) -> None:
    source = Source("x.conf", line)
    assert str(Fault("m", Span(source, 0, 1))).splitlines()[1] == f"    1 | {shown}"


def test_how_a_fault_is_shown() -> None:
    text = 'filter {\n\tmutate {\n\t\tadd_tag: [ "x" ]\n\t}\n}\n'
    assert str(parse([Source("conf.d/a.conf", text)])[1][0]) == (
        'conf.d/a.conf:3:10: expected "=>" after the option "add_tag", got ":": write => instead\n'
        '    3 | \t\tadd_tag: [ "x" ]\n'
        "      | \t\t       ^"
    )


@pytest.mark.parametrize(
    ("text", "faults"),
    [
        ("x", ['1:1 x: there is no section "x"; plugins stand inside input, filter or output']),
        ("inputs { a {} } output { }", ['1:1 inputs: there is no section "inputs"; did you mean "input"?']),
        ('mutate { add_tag => "}" } }', [
            '1:1 mutate: there is no section "mutate"; plugins stand inside input, filter or output',
        ]),
        ("= filter { }", ['1:1 =: expected a section: input, filter or output, got "="']),
        ("filter: { a { } }", ['1:7 :: expected "{" after "filter", got ":"']),
        ("filter", ['1:7 : expected "{" after "filter", got the end of the text']),
        ("filter { a { } } }", ['1:18 }: this "}" closes nothing: there is one too many before it, or here']),
        ("\ufefffilter { }", [
            "1:1 \ufeff: a byte-order mark stands before the text: save the file as UTF-8 without it",
        ]),
        ("filter { filter { a { b: 1 } } }", [
            '1:10 filter: the section "filter" cannot stand inside another: close that one first',
            '1:24 :: expected "=>" after the option "b", got ":": write => instead',
        ]),
        ("filter { a { ", ['1:10 a: the block of "a" is never closed: a "}" is missing']),
        ("filter { if [a] { b { } ", ['1:10 if: the block of "if" is never closed: a "}" is missing']),
        ("filter { if [a] { } else { ", ['1:21 else: the block of "else" is never closed: a "}" is missing']),
        ("filter {\n a { }\n\noutput { b { } }\n}", [
            '1:1 filter: the block of "filter" is not closed before the section in line 4: a "}" is missing',
        ]),
        ("filter { b => 1 c { } }", ['1:10 b: "b" is an option: options stand inside the braces of a plugin']),
        ("filter { a b { } c { d: 1 } }", [
            '1:12 b: expected "{" after the plugin "a", got "b"',
            '1:23 :: expected "=>" after the option "d", got ":": write => instead',
        ]),
        ("filter { [ a { b: 1 } }", [
            '1:10 [: expected a plugin, "if" or "}", got "["',
            '1:17 :: expected "=>" after the option "b", got ":": write => instead',
        ]),
        ("filter {\xa0a { } }", [
            '1:9 \xa0: expected a plugin, "if" or "}", got U+00A0, no-break space',
        ]),
        ("filter { \x00 }", ['1:10 \x00: expected a plugin, "if" or "}", got U+0000, control character']),
    ],
)  # fmt: skip
def test_sections(text: str, faults: list[str]) -> None:
    assert faults_of(text) == faults


@pytest.mark.parametrize(
    ("options", "faults"),
    [
        ("b [ 1 ] c => x", [
            '1:14 [: expected "=>" after the option "b", got "["',
            '1:25 x: a text such as this needs quotes: "x"',
        ]),
        ("b = 1", ['1:14 =: expected "=>" after the option "b", got "=": write => instead']),
        ("b => 1, c: 2", [
            "1:18 ,: no comma stands between options: take it away",
            '1:21 :: expected "=>" after the option "c", got ":": write => instead',
        ]),
        ("b => 'x'c => 1 d: 2", [
            '1:20 c: expected a blank or "}" in the block of "a", got "c"',
            '1:28 :: expected "=>" after the option "d", got ":": write => instead',
        ]),
        ("b => ]", ['1:17 ]: expected a value: a string, a number, an array or a hash, got "]"']),
        ("b => => 1", ['1:17 =>: expected a value: a string, a number, an array or a hash, got "=>"']),
        ("b => “x”", [
            ("1:17 “: expected a value: a string, a number, an array or a hash, got the typographic quote “: "
            "write \" or '")
        ]),
        ("b => some-tag", ['1:17 some-tag: a text such as this needs quotes: "some-tag"']),
        ("b => 10mb", ['1:17 10mb: a text such as this needs quotes: "10mb"']),
        ("b => %{x} c: 1", [
            '1:17 %: a text such as this needs quotes: "%"',
            '1:23 :: expected "=>" after the option "c", got ":": write => instead',
        ]),
        ("b => 1.", ['1:17 1.: "1." is no number: digits must follow the point']),
        ("b => 09", ['1:17 09: "09" is no number: the leading 0 makes it octal, which has no 8 and 9']),
        ("b => [ 1 2 ]", ['1:21 2: expected "," or "]" in the array, got "2"']),
        ("b => [ 1, ]", ['1:22 ]: no comma may stand before "]"']),
        ("b => [ 1\n c: 2", [
            '2:2 c: expected "," or "]" in the array, got "c"',
            '2:3 :: expected "=>" after the option "c", got ":": write => instead',
        ]),
        ("b => [ 1\n c => 2 d: 3", [
            '2:2 c: expected "," or "]" in the array, got "c"',
            '2:10 :: expected "=>" after the option "d", got ":": write => instead',
        ]),
        ("b => { 'x' => 1, 'y' => 2 } c: 1", [
            "1:27 ,: no comma stands between the entries of a hash: take it away",
            '1:41 :: expected "=>" after the option "c", got ":": write => instead',
        ]),
        ("b => { 'x' => 1'y' => 2 }", ["1:27 ': expected a blank or \"}\" in the hash, got \"'\""]),
        ("b => { x-y => 2 }", ['1:19 x-y: expected a key or "}" in the hash, got "x-y"']),
        ("b => { xx-y => 2 }", ['1:19 xx-y: a text such as this needs quotes: "xx-y"']),
        ("b => { 'x': 2 }", ["1:22 :: expected \"=>\" after the key 'x', got \":\": write => instead"]),
        ("b => { 'x' => 1\n 'y' => 2 'x' => 3 }", ["2:11 'x': the key 'x' is there twice; the first is in line 1"]),
        ("b => [ cc { } ]", ["1:19 cc: a plugin cannot stand in an array, only as the value of an option"]),
        ("b => { 'x' => cc { } }", ["1:26 cc: a plugin cannot stand in a hash, only as the value of an option"]),
        ("b => cc { d: 1 } e: 2", [
            '1:23 :: expected "=>" after the option "d", got ":": write => instead',
            '1:30 :: expected "=>" after the option "e", got ":": write => instead',
        ]),
        ("( c: 2", [
            '1:12 (: expected an option or "}" in the block of "a", got "("',
            '1:15 :: expected "=>" after the option "c", got ":": write => instead',
        ]),
        (f"b => {'9' * 5000}", [f"1:17 {'9' * 5000}: this number is too long"]),
    ],
)  # fmt: skip
def test_options(options: str, faults: list[str]) -> None:
    assert faults_of(f"filter {{a{{ {options} }}}}") == faults


def test_an_option_that_looks_like_a_plugin_ends_the_block() -> None:
    text = "filter {\n a {\n  b => 1\n c {\n  d: 1\n }\n}\noutput { e { f: 1 } }"
    assert faults_of(text) == [
        '4:2 c: expected an option or "}", got "c": the block of "a" (line 2) is not closed before it',
        '5:4 :: expected "=>" after the option "d", got ":": write => instead',
        '8:15 :: expected "=>" after the option "f", got ":": write => instead',
    ]
    assert faults_of("filter {\n a {\n  if [x] { b { } }\n }\n") == [
        '3:3 if: expected an option or "}", got "if": the block of "a" (line 2) is not closed before it',
    ]


@pytest.mark.parametrize(
    ("text", "faults"),
    [
        ('filter { a { b => "x }}\n', ['1:19 "x }}: this string is never closed: end it with "']),
        ("filter { a { b => 'x }\nc { d: 1 } }", [
            "1:19 'x }: this string is never closed: end it with '",
            '2:6 :: expected "=>" after the option "d", got ":": write => instead',
        ]),
        # the quote that is missing makes strings of what is between the others
        ('filter { a {\n b => "x\n c => "y"\n d: 1\n}}', [
            '2:7 "x: this string ends only in line 3, before "y": end it with "',
            '4:3 :: expected "=>" after the option "d", got ":": write => instead',
        ]),
        ('filter { a {\n b => { "c" => "x }\n d => "y"\n e: 1\n}}', [
            '2:16 "x }: this string ends only in line 3, before "y": end it with "',
            '4:3 :: expected "=>" after the option "e", got ":": write => instead',
        ]),
        ('filter { a {\n b => "C:\\x\\"\n c => "y"\n}}', [
            ('2:7 "C:\\x\\": this string ends only in line 3, before "y": end it with "; '
            "a string cannot end in a backslash"),
        ]),
        ('filter { a { b => ["C:\\x\\"] }}', [
            '1:20 "C:\\x\\"] }}: this string is never closed: end it with "; a string cannot end in a backslash',
        ]),
        # a string of several lines that is not to blame
        ('filter { a { b => "x\ny", c: 1 } }', [
            "2:3 ,: no comma stands between options: take it away",
            '2:6 :: expected "=>" after the option "c", got ":": write => instead',
        ]),
    ],
)  # fmt: skip
def test_strings_that_are_not_closed(text: str, faults: list[str]) -> None:
    assert faults_of(text) == faults


@pytest.mark.parametrize(
    ("condition", "faults"),
    [
        ("", ['1:13 {: expected a field such as [name], a string, a number or an array, got "{"']),
        ("a == 'b'", ['1:12 a: a bare name: write [a] for the field, "a" for the text']),
        ("[a] == true", ["1:19 true: conditions have no true: write the field alone, as in if [name] or if ![name]"]),
        ("[a] != nil", ["1:19 nil: conditions have no nil: write the field alone, as in if [name] or if ![name]"]),
        ("[a] == b", ['1:19 b: a bare name: write [b] for the field, "b" for the text']),
        ("[a] == b.c", ['1:19 b: a bare name: write [b] for the field, "b" for the text']),
        ("[a] = 'b'", ['1:16 =: expected "{", "and" or "or" after the condition, got "="; write "=="']),
        ("[a] && [b]", ['1:16 &&: expected "{", "and" or "or" after the condition, got "&&"; write "and"']),
        ("[a] || [b]", ['1:16 ||: expected "{", "and" or "or" after the condition, got "||"; write "or"']),
        ("[a] AND [b]", ['1:16 AND: expected "{", "and" or "or" after the condition, got "AND"; write "and"']),
        ("([a] && [b])", ['1:17 &&: expected ")", "and" or "or" in the condition, got "&&"; write "and"']),
        ("[a] =~ /b/i", ["1:22 i: no flags may stand after a pattern: write /(?i).../"]),
        ("[a] =~ /b/mi and [c]", ["1:22 mi: no flags may stand after a pattern: write /(?mi).../"]),
        ("[a] =~ /b/g", ["1:22 g: no flags may stand after a pattern: leave them out"]),
        (
            "[a][[b] == 'c'",
            ['1:15 [: expected "{", "and" or "or" after the condition, got "["; a field is written [outer][inner]'],
        ),
        ("[a] contains 'b'", ['1:16 contains: expected "{", "and" or "or" after the condition, got "contains"']),
        ("![a] == 'b'", [
            ('1:17 ==: expected "{", "and" or "or" after the condition, got "=="; '
            'to negate a comparison write !(...) around it, to join two write "and" between them'),
        ]),
        ("[a] =~ /x/ !~ /y/", [
            ('1:23 !~: expected "{", "and" or "or" after the condition, got "!~"; '
            'to negate a comparison write !(...) around it, to join two write "and" between them'),
        ]),
        ("! 'x'", ["1:14 ': expected \"(\" or a field such as [name] after \"!\", got \"'\""]),
        ("not [a]", ['1:12 not: "not" stands only before "in": write ! before a field or a parenthesis']),
        ("[a] not [b]", ['1:20 [: expected "in" after "not", got "["']),
        ("[a] in", ['1:19 {: expected a field such as [name], a string, a number or an array, got "{"']),
        ("[a] =~ [b]", ['1:19 [: expected /pattern/ or "pattern", got "["']),
        ("[a] =~ /x", ["1:19 /: this pattern is never closed: end it with /"]),
        ("[a == 1", ['1:12 [: this "[" is not closed where it should be: a field is written [outer][inner]']),
        ("[aa[bb]]", ['1:12 [: this "[" is not closed where it should be: a field is written [outer][inner]']),
        ("[aa, b]", ['1:17 b: a text such as this needs quotes: "b"']),
        ("length([a]) > 1", ["1:12 length: conditions have no functions"]),
        ("[a] xor [b] and [c]", [
            '1:12 [a] xor [b] and [c]: "xor" joins two conditions only: put parentheses around each pair',
        ]),
        ("[a] and [b] nand [c] or [d]", [
            '1:12 [a] and [b] nand [c] or [d]: "nand" joins two conditions only: put parentheses around each pair',
        ]),
        ("([a] or [b]", ['1:24 {: expected ")", "and" or "or" in the condition, got "{"']),
    ],
)  # fmt: skip
def test_conditions_are_passed_over_and_their_bodies_read(condition: str, faults: list[str]) -> None:
    text = f"filter {{if {condition} {{ c {{ d: 1 }} }} }}"
    column = text.index(":") + 1
    assert faults_of(text) == [*faults, f'1:{column} :: expected "=>" after the option "d", got ":": write => instead']


@pytest.mark.parametrize(
    ("text", "faults"),
    [
        ("else { a { b: 1 } } c { }", [
            '1:10 else: there is no "if" before this "else"',
            '1:22 :: expected "=>" after the option "b", got ":": write => instead',
        ]),
        ("else if [a] { }", ['1:10 else: there is no "if" before this "else"']),
        ("if [a] { } elsif [b] { } elif [c] { } else_if [d] { }", [
            '1:21 elsif: "elsif" is written "else if"',
            '1:35 elif: "elif" is written "else if"',
            '1:48 else_if: "else_if" is written "else if"',
        ]),
        ("if [a] { } else [b] { c { d: 1 } }", ['1:26 [: expected "{" or "if" after "else", got "["']),
        ("if [a] { } else [b] } else { }", [
            '1:26 [: expected "{" or "if" after "else", got "["',
        ]),
        ("if [a] b else c { }", [
            '1:17 b: expected "{", "and" or "or" after the condition, got "b"',
        ]),
        ("if [a] b } } output { c { d: 1 } }", [
            '1:17 b: expected "{", "and" or "or" after the condition, got "b"',
            '1:37 :: expected "=>" after the option "d", got ":": write => instead',
        ]),
        # the body of the plugin that follows is not taken for the body of the branch
        ("if [a] == \n mutate { b => 1 } c { d: 1 }", [
            '2:2 mutate: a bare name: write [mutate] for the field, "mutate" for the text',
            '2:25 :: expected "=>" after the option "d", got ":": write => instead',
        ]),
        ("a b } else { } else { }", ['1:12 b: expected "{" after the plugin "a", got "b"']),
    ],
)  # fmt: skip
def test_branches(text: str, faults: list[str]) -> None:
    assert faults_of(f"filter {{ {text} }}") == faults


@pytest.mark.parametrize(
    "text",
    [
        "filter { " + "if [a] { " * 3000 + "} " * 3001,
        "filter { " + "if [a] { " * 3000,
        "filter { a { b => " + "[" * 3000 + "]" * 3000 + " } }",
        "filter { a { b => " + "{ cc => " * 3000 + "1" + " }" * 3002,
        "filter { a { b => " + "cc { d => " * 3000 + "1" + " }" * 3002,
        "filter { if " + "(" * 3000 + "[x]" + ")" * 3000 + " { } }",
        "filter { if " + "!(" * 3000 + "[x]" + ")" * 3000 + " { } }",
    ],
)
def test_deep_nesting_is_one_fault(text: str) -> None:
    assert [fault.rpartition(": ")[2] for fault in faults_of(text)] == ["nested more than 60 levels deep"]


def test_a_condition_that_alternates_too_deeply_is_a_fault() -> None:
    chain = " or ".join(["[a] and [b] and [c]"] * 100)
    assert [fault.rpartition(": ")[2] for fault in faults_of(f"filter {{ if {chain} {{ }} }}")] == ["split it"]


def test_a_section_at_the_start_of_a_line_ends_what_is_broken() -> None:
    assert faults_of('filter {\n a {\n  b [ { "\n"\noutput { c { d: 1 } }\n}') == [
        '3:5 [: expected "=>" after the option "b", got "["',
        '5:15 :: expected "=>" after the option "d", got ":": write => instead',
    ]


def test_faults_of_all_sources_keep_their_file() -> None:
    sources = [Source("a.conf", "filter { a { b: 1 } }"), Source("b.conf", "filter { }"), Source("c.conf", "}")]
    configuration, faults = parse(sources)
    assert [fault.span.place for fault in faults if fault.span] == ["a.conf:1:15", "c.conf:1:1"]
    assert len(configuration.sections) == 2


def test_so_many_faults_that_the_rest_is_not_read() -> None:
    faults = faults_of("filter { a { " + "b: 1 c: " * 400 + "} }")
    assert len(faults) == 101
    assert faults[-1].endswith("too many faults: the rest of this file is not read")
