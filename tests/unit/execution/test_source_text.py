"""What assemblers of languages see in a program's text without a parser."""

from seedmill.execution.inside.toolchains import source_text

HIDDEN = f"{source_text.COMMENTS}|{source_text.STRING}|{source_text.CHARACTER}"


def blanked(text: str) -> str:
    return source_text.blanked(text, HIDDEN)


def test_comments_and_strings_become_blank_and_every_line_stays():
    text = 'a("}\\"{") /* {\n{ */ b(\'{\'); // {\nc'
    blank = blanked(text)
    assert len(blank) == len(text)
    assert [len(line) for line in blank.split("\n")] == [len(line) for line in text.split("\n")]
    assert "{" not in blank
    assert "}" not in blank
    assert blank.split() == ["a(", ")", "b(", ");", "c"]


def test_a_comment_that_does_not_end_hides_the_rest():
    assert blanked("a /* b\nc").split() == ["a"]


def test_the_outline_is_what_stands_outside_of_braces():
    outline = source_text.outline("int f() { int g; { } }\nint h;")
    assert outline.split() == ["int", "f()", "{", "}", "int", "h;"]
    assert source_text.outline("} } a { b").split() == ["}", "}", "a", "{"]


def test_braces_that_the_tests_close_move_to_the_solution():
    solution, tests = source_text.closed("int f() {\n  return 1;", "}\nint main() { }\n", HIDDEN)
    assert solution == "int f() {\n  return 1; }"
    assert tests == " \nint main() { }\n"


def test_tests_of_a_whole_solution_stay_as_they_are():
    for solution, tests in (("int f() { }", "} int main() { }"), ("int f() {", "int main() { }")):
        assert source_text.closed(solution, tests, HIDDEN) == (solution, tests)


def guarded(text: str, *, parentheses: bool) -> str:
    places = source_text.guards(blanked(text), r"\bthrow\b", parentheses=parentheses)
    return source_text.inserted(text, [(at, "#") for at in places])


def test_conditions_that_can_fail_the_tests_are_found():
    assert guarded("if (f(1) != 2) throw x;", parentheses=True) == "if (#f(1) != 2) throw x;"
    assert guarded("if (a) { b(); } else if (c) { throw x; }", parentheses=True).count("#") == 1
    assert guarded("if (a) b();\nthrow x;", parentheses=True).count("#") == 0
    assert guarded('if (a) { print("throw"); }', parentheses=True).count("#") == 0


def test_a_condition_without_parentheses_begins_after_its_statement():
    assert guarded("if x := f(); x != 2 { throw }", parentheses=False) == "if x := f();# x != 2 { throw }"
    assert guarded("if f(func() { a }) != 2 { throw }", parentheses=False) == "if #f(func() { a }) != 2 { throw }"
    assert guarded("if let Some(x) = y { throw }", parentheses=False).count("#") == 0


def test_text_that_is_cut_off_is_no_error():
    for text in ("if (", "if (a", "if (a) {", "if", "}}}", "if (a) throw"):
        guarded(text, parentheses=True)
        guarded(text, parentheses=False)


def test_what_is_taken_out_leaves_its_lines():
    assert source_text.without("a\nbc\nd", [(2, 5)]) == "a\n  \nd"
