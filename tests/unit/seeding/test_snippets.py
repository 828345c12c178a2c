"""The law of snippets: uniform start, uniform length, a function of the document alone."""

from collections import Counter

from seedmill.seeding.snippets import Snippet, snippet_of


def draw(text: str, seed: int = 0, max_lines: int = 15) -> Snippet:
    found = snippet_of(text, max_lines, seed, 10_000)
    assert isinstance(found, Snippet)
    return found


def document(number: int, lines: int) -> str:
    return "".join(f"line {line} of document {number}\n" for line in range(lines))


def chi_squared(counts: Counter[int], values: range) -> float:
    expected = counts.total() / len(values)
    return sum((counts[value] - expected) ** 2 / expected for value in values)


def test_start_and_length_are_uniform() -> None:
    starts: Counter[int] = Counter()
    lengths: Counter[int] = Counter()
    for number in range(6000):
        snippet = draw(document(number, 100))
        starts[snippet.line] += 1
        if snippet.line <= 86:  # beyond, the end of the file cuts
            lengths[snippet.text.count("\n") + 1] += 1
    assert set(starts) == set(range(1, 101))
    assert set(lengths) == set(range(1, 16))
    assert chi_squared(starts, range(1, 101)) < 149  # 99.9 % of chi-squared with 99 degrees of freedom
    assert chi_squared(lengths, range(1, 16)) < 36.2  # with 14


def test_snippet_is_consecutive_lines_cut_at_the_end_of_the_file() -> None:
    cut = 0
    for number in range(300):
        text = document(number, 5)
        snippet = draw(text)
        lines = text.splitlines()[snippet.line - 1 :]
        taken = snippet.text.split("\n")
        assert taken == lines[: len(taken)]
        cut += len(taken) == len(lines)
    assert 200 < cut < 300


def test_one_line_snippets_when_one_line_is_allowed() -> None:
    assert all("\n" not in draw(document(n, 50), max_lines=1).text for n in range(50))


def test_draw_depends_on_document_and_seed_only() -> None:
    text = document(1, 1000)
    assert draw(text) == draw(text)
    assert len({draw(text, seed=seed).line for seed in range(20)}) > 15
    assert len({draw(document(n, 1000)).line for n in range(20)}) > 15


def test_snippets_without_letters_are_drawn_again_or_given_up() -> None:
    text = "\n" * 20 + "word\n" + "}\n" * 20
    redrawn = [snippet_of(f"{text}# {n}\n", 1, 0, 10_000) for n in range(400)]
    snippets = [found for found in redrawn if isinstance(found, Snippet)]
    assert {found.text.split()[0] for found in snippets} <= {"word"}
    assert any(found.redrawn for found in snippets)
    assert "no_letters" in redrawn
    assert snippet_of("1\n2\n{}\n", 15, 0, 10_000) == "no_letters"


def test_overlong_lines_are_no_snippet() -> None:
    assert snippet_of("x" * 20_000, 15, 0, 10_000) == "overlong_lines"


def test_metadata_line_is_no_part_of_the_document() -> None:
    for number in range(50):
        snippet = draw(f"<reponame>o/r<filename>x.py<gh_stars>1\n{document(number, 3)}")
        assert snippet.metadata_removed
        assert snippet.line >= 2
        assert "<reponame>" not in snippet.text
