"""The grammar, construct by construct: what a text means, in a short notation."""

import pytest

from pipeline.grammar import ast
from pipeline.grammar.parser import parse
from pipeline.grammar.sources import Source


def shown(node: object) -> str:  # noqa: C901 - one line for each node
    """A node in a short notation: strings quoted, barewords bare, conditions in full parentheses."""
    match node:
        case ast.Configuration():
            return " ".join(map(shown, node.sections))
        case ast.Section():
            return f"{node.kind}{{{' '.join(map(shown, node.body))}}}"
        case ast.Plugin():
            return f"{node.name}{{{' '.join(f'{option.name}={shown(option.value)}' for option in node.options)}}}"
        case ast.Branch():
            arms = " ".join(f"if {shown(arm.condition)}{{{' '.join(map(shown, arm.body))}}}" for arm in node.arms)
            return f"{arms} else{{{' '.join(map(shown, node.otherwise))}}}" if node.otherwise else arms
        case ast.Scalar():
            return repr(node.value) if node.quoted or not isinstance(node.value, str) else node.value
        case ast.Array():
            return f"[{','.join(map(shown, node.items))}]"
        case ast.Hash():
            return "{" + " ".join(f"{shown(key)}:{shown(value)}" for key, value in node.entries) + "}"
        case ast.Field():
            return node.text
        case ast.Regex():
            return f"/{node.pattern}/"
        case ast.Truth():
            return shown(node.operand)
        case ast.Compare():
            return f"({shown(node.left)} {node.operator} {shown(node.right)})"
        case ast.Match():
            return f"({shown(node.left)} {node.operator} {shown(node.pattern)})"
        case ast.In():
            return f"({shown(node.item)} {'not in' if node.negated else 'in'} {shown(node.container)})"
        case ast.Not():
            return f"!{shown(node.inner)}"
        case ast.Junction():
            return f"({shown(node.left)} {node.operator} {shown(node.right)})"
    raise AssertionError(node)


def parsed(text: str, *, support_escapes: bool = False) -> ast.Configuration:
    configuration, faults = parse([Source("test.conf", text)], support_escapes=support_escapes)
    assert not faults, "\n".join(map(str, faults))
    return configuration


@pytest.mark.parametrize(
    ("text", "meaning"),
    [
        ("", ""),
        ("  \n\t\r\n", ""),
        ("# only a comment", ""),
        ("input{}filter{}output{}", "input{} filter{} output{}"),
        ("filter { } filter { }", "filter{} filter{}"),
        ("output { a { } } input { b { } }", "output{a{}} input{b{}}"),
        ("filter { a-b_2 { } 'quoted' { } \"x\" {} }", "filter{a-b_2{} quoted{} x{}}"),
        ("filter # c\n{ # c }\n a # c\n { # c\n } # c\n } # c", "filter{a{}}"),
        ("filter {\r\n a {\r\n  # c\r\n  b => 12\r\n }\r\n}\r", "filter{a{b=12}}"),
        ('filter{# a } in a comment, and a "\na{}}', "filter{a{}}"),
    ],
)
def test_sections_and_plugins(text: str, meaning: str) -> None:
    assert shown(parsed(text)) == meaning


@pytest.mark.parametrize(
    ("options", "meaning"),
    [
        ("b => true", "b=true"),
        ("b=>cc", "b=cc"),
        ("b # c\n => # c\n cc", "b=cc"),
        ("b => 1 c => 2", "b=1 c=2"),
        ("b => 'x'# c\nc => 2", "b='x' c=2"),
        ("'b' => 1 \"c\" => 2 b-c_1 => 3", "b=1 c=2 b-c_1=3"),
        ("b => 1 b => 2", "b=1 b=2"),
        ("b => -7", "b=-7"),
        ("b => 1.50", "b=1.5"),
        ("b => -0.5", "b=-0.5"),
        ("b => 0", "b=0"),
        ("b => 010", "b=8"),
        ("b => 'x\"y'", "b='x\"y'"),
        ('b => "x\'y"', 'b="x\'y"'),
        ('b => ""', "b=''"),
        (r'b => "a\"b"', r"""b='a\\"b'"""),
        (r"b => 'a\'b'", r'''b="a\\'b"'''),
        (r'b => "a\nb\\c"', r"b='a\\nb\\\\c'"),
        ('b => "one\ntwo"', r"b='one\ntwo'"),
        ('b => "} { => [ ] #"', "b='} { => [ ] #'"),
        ("b => []", "b=[]"),
        ("b => [ 'x', yy, 3, [4], {} ]", "b=['x',yy,3,[4],{}]"),
        ("b => [ # c\n'x' # c\n, # c\n'y' # c\n]", "b=['x','y']"),
        ("b => {}", "b={}"),
        ("b => { 'x' => 1 yy => 2 3 => zz 'h' => { 'i' => [] } }", "b={'x':1 yy:2 3:zz 'h':{'i':[]}}"),
        ("b => { 'x' => 1 # c\n # c\n 'y' # c\n => # c\n 2 }", "b={'x':1 'y':2}"),
        ("b => { 'x' => 1 \"x\" => 2 }", "b={'x':1 'x':2}"),
        ("b => json", "b=json"),
        ("b => json { }", "b=json{}"),
        ("b => json { c => 'x' } d => 1", "b=json{c='x'} d=1"),
        ("b => 'json' { c => dd { } }", "b=json{c=dd{}}"),
    ],
)
def test_options(options: str, meaning: str) -> None:
    assert shown(parsed(f"filter {{ a {{ {options} }} }}")) == f"filter{{a{{{meaning}}}}}"


def test_escapes_are_processed_where_they_are_supported() -> None:
    text = r"""filter { a { b => "\"\'\\\n\r\t\/\z" c => 'it\'s' } if [d] == "\t" or [d] =~ /\t/ { } }"""
    meaning = shown(parsed(text, support_escapes=True))
    assert meaning == r"""filter{a{b='"\'\\\n\r\t/\\z' c="it's"} if (([d] == '\t') or ([d] =~ /\t/)){}}"""


@pytest.mark.parametrize(
    ("condition", "meaning"),
    [
        ("[a]", "[a]"),
        ("[a][b c][@d]", "[a][b c][@d]"),
        ("'x'", "'x'"),
        ("5", "5"),
        ("[]", "[]"),
        ("/x/", "/x/"),
        ("['x']", "['x']"),
        ("[a] == 'x'", "([a] == 'x')"),
        ("[a]=='x'", "([a] == 'x')"),
        ("5 != [a]", "(5 != [a])"),
        ("[a] < 1", "([a] < 1)"),
        ("[a] > -1.5", "([a] > -1.5)"),
        ("[a] <= [b]", "([a] <= [b])"),
        ("[a] >= 'x'", "([a] >= 'x')"),
        ("[a] == ['x','y']", "([a] == ['x','y'])"),
        ('[a] =~ /x\\/[y]"/', '([a] =~ /x\\/[y]"/)'),
        ("[a] !~ 'x'", "([a] !~ /x/)"),
        ("[a] in ['x', 'y']", "([a] in ['x','y'])"),
        ("[a] in ['x']", "([a] in ['x'])"),
        ("[a]in[b]", "([a] in [b])"),
        ("'x' not in [a]", "('x' not in [a])"),
        ("'x' not # c\n in [a]", "('x' not in [a])"),
        ("[a] in [ [bb, cc], 5 ]", "([a] in [[bb,cc],5])"),
        ("![a]", "![a]"),
        ("! # c\n ( [a] == 1 )", "!([a] == 1)"),
        ("(([a]))", "[a]"),
        ("[a] and [b]", "([a] and [b])"),
        ("[a]and[b]", "([a] and [b])"),
        ("[a] nand [b]", "([a] nand [b])"),
        ("[a] xor [b]", "([a] xor [b])"),
        ("([a] xor [b]) xor [c]", "(([a] xor [b]) xor [c])"),
        ("[a] # c\n or # c\n [b]", "([a] or [b])"),
        # how Logstash groups what is not in parentheses
        ("[a] and [b] and [c]", "([a] and ([b] and [c]))"),
        ("[a] or [b] and [c]", "([a] or ([b] and [c]))"),
        ("[a] and [b] or [c]", "(([a] and [b]) or [c])"),
        ("[a] and [b] and [c] or [d]", "([a] and (([b] and [c]) or [d]))"),
        ("[a] or [b] and [c] or [d]", "([a] or (([b] and [c]) or [d]))"),
        ("[a] or [b] and [c] and [d] or [e]", "([a] or ([b] and (([c] and [d]) or [e])))"),
        ("([a] or [b]) and [c]", "(([a] or [b]) and [c])"),
        ("![a] and !([b] or [c])", "(![a] and !([b] or [c]))"),
    ],
)
def test_conditions(condition: str, meaning: str) -> None:
    assert shown(parsed(f"filter {{ if {condition} {{ }} }}")) == f"filter{{if {meaning}{{}}}}"


@pytest.mark.parametrize(
    ("text", "meaning"),
    [
        ("if[a]{b{}}", "if [a]{b{}}"),
        ("if [a] { } else { b { } }", "if [a]{} else{b{}}"),
        ("if [a] { b { } } else if [c] { } else if [d] { } else { e { } }", "if [a]{b{}} if [c]{} if [d]{} else{e{}}"),
        ("if [a] { } elseif [c] { }", "if [a]{} if [c]{}"),
        ("if [a] { } else # c\n if [c] { } # c\n b { }", "if [a]{} if [c]{} b{}"),
        ("if [a] { if [b] { c { } } else { d { } } } e { }", "if [a]{if [b]{c{}} else{d{}}} e{}"),
        ("if5 == [a] { }", "if (5 == [a]){}"),
        ('if"x"in[a]{}', "if ('x' in [a]){}"),
        ("iffy { } elsewhere { }", "iffy{} elsewhere{}"),
    ],
)
def test_branches(text: str, meaning: str) -> None:
    assert shown(parsed(f"filter {{ {text} }}")) == f"filter{{{meaning}}}"


def test_spans_and_bodies() -> None:
    text = 'input { a { } }\nfilter { if [x] == "y" { b { c => [ 1 ] } } }\ninput { d { } }'
    configuration = parsed(text)
    assert [plugin.name for plugin in configuration.body("input") if isinstance(plugin, ast.Plugin)] == ["a", "d"]
    branch = configuration.sections[1].body[0]
    assert isinstance(branch, ast.Branch)
    arm = branch.arms[0]
    assert arm.condition.span.text == '[x] == "y"'
    assert arm.span.text == branch.span.text == 'if [x] == "y" { b { c => [ 1 ] } }'
    plugin = arm.body[0]
    assert isinstance(plugin, ast.Plugin)
    assert (plugin.name_span.text, plugin.span.text, plugin.span.place) == ("b", "b { c => [ 1 ] }", "test.conf:2:26")
    assert [(o.name_span.text, o.value.span.text) for o in plugin.options] == [("c", "[ 1 ]")]


def test_long_chains_are_no_deep_trees() -> None:
    for operator in ("and", "or"):
        parsed(f"filter {{ if {f' {operator} '.join(['[a]'] * 2000)} {{ }} }}")
