"""Programs in languages other than Python, in real sandboxes and natively: verdicts, forgeries, what is contained."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from seedmill.execution.languages import OWN, Languages
from seedmill.execution.level import Level
from seedmill.execution.pool import Pool
from seedmill.records.verdict import Program, Status, Verdict, VerdictKind
from support.language_programs import PROGRAMS, Programs
from support.language_styles import STYLES
from support.levels import level_named
from support.requirements import require


class Bench:
    """A pool, and a language with its programs."""

    def __init__(self, pool: Pool, language: str) -> None:
        self.pool = pool
        self.language = language
        self.programs: Programs = PROGRAMS.get(language, PROGRAMS["bash"])

    async def run(
        self,
        solution: str,
        tests: str | None = None,
        kind: VerdictKind = VerdictKind.AUTO,
        seconds: float = 5.0,
        megabytes: int = 384,
    ) -> Verdict:
        return await self.pool.run(
            Program(
                "x",
                self.language,
                solution,
                self.programs.tests if tests is None else tests,
                seconds,
                megabytes << 20,
                verdict=kind,
                isolation=self.pool.isolations[0],
            )
        )

    async def next_passes(self) -> None:
        verdict = await self.run(self.programs.add)
        assert verdict.status is Status.PASS, verdict


@pytest.fixture(params=["gvisor", "process"])
async def level(request: pytest.FixtureRequest) -> Level:
    return level_named(request.param)


@pytest.fixture(params=sorted(PROGRAMS))
async def bench(request: pytest.FixtureRequest, level: Level) -> AsyncIterator[Bench]:
    require(f"the language {request.param}")
    pool = Pool(level, slots=1, cache_bytes=0)
    await pool.start()
    try:
        yield Bench(pool, request.param)
    finally:
        await pool.close()


async def test_right_programs_pass_with_their_assertions_counted(bench: Bench):
    for tests in (bench.programs.tests, bench.programs.throwing_tests):
        verdict = await bench.run(bench.programs.add, tests)
        assert (verdict.status, verdict.asserts_run) == (Status.PASS, 2), (tests, verdict)
        assert verdict.kind is VerdictKind.TOKEN
        assert "only programs in Python can be judged by two processes" in verdict.downgrade
        assert (verdict.compile_seconds > 0) == (bench.language in ("cpp", "go", "java", "rust", "typescript"))


async def test_programs_as_models_write_them_pass(bench: Bench):
    for name, (solution, tests, asserts) in STYLES[bench.language].items():
        verdict = await bench.run(solution, tests)
        assert (verdict.status, verdict.asserts_run) == (Status.PASS, asserts), (name, verdict)


async def test_wrong_programs_fail_with_a_reason(bench: Bench):
    for tests in (bench.programs.tests, bench.programs.throwing_tests):
        verdict = await bench.run(bench.programs.wrong, tests)
        assert verdict.status is Status.FAIL, (tests, verdict)
        assert verdict.reason
        assert "/" not in verdict.reason.replace("2/2", ""), verdict.reason
        again = await bench.run(bench.programs.wrong, tests)
        assert again.reason == verdict.reason


async def test_programs_that_prove_nothing_do_not_pass(bench: Bench):
    programs = bench.programs
    assert (await bench.run(programs.add, programs.empty_tests)).status is Status.VACUOUS
    verdict = await bench.run(programs.leaves, programs.empty_tests)
    assert verdict.status is Status.INCOMPLETE, verdict
    strict = await bench.run(programs.add, kind=VerdictKind.STRICT)
    assert (strict.status, strict.kind) == (Status.ERROR, VerdictKind.STRICT)
    assert strict.reason.startswith("StrictUnsupported: ")


async def test_what_is_no_program_is_an_error_that_says_where(bench: Bench):
    verdict = await bench.run(bench.programs.broken)
    assert verdict.status is Status.ERROR, verdict
    assert " in solution line 3" in verdict.reason, verdict
    verdict = await bench.run(bench.programs.add, bench.programs.broken)
    assert verdict.status is Status.ERROR, verdict
    assert " in tests" in verdict.reason, verdict


async def test_limits_end_programs(bench: Bench):
    programs = bench.programs
    verdict = await bench.run(programs.loops, seconds=2.0)
    assert verdict.status is Status.TIMEOUT, verdict
    assert verdict.reason in ("more than 2 s of CPU time", "longer than 7 s of wall time")  # on a machine that is busy
    verdict = await bench.run(programs.hoards, programs.empty_tests, megabytes=256)
    assert verdict.status is Status.MEMORY, verdict
    verdict = await bench.run(programs.prints)
    assert verdict.status is Status.OUTPUT, verdict
    assert len(verdict.stdout + verdict.stderr) <= 64 << 10
    await bench.next_passes()


async def test_programs_reach_neither_network_nor_warden(bench: Bench):
    for program in (bench.programs.connects, bench.programs.reads):
        tests = bench.programs.tests.replace("add(1, 2)", "await add(1, 2)") if "Promise.all" in program else None
        verdict = await bench.run(program, tests)
        assert verdict.status is Status.FAIL, verdict  # `add` ran to its end, and had nothing


async def test_bombs_are_contained(bench: Bench):
    verdict = await bench.run(bench.programs.bomb, seconds=2.0)
    assert verdict.status not in (Status.PASS, Status.INFRA), verdict
    await bench.next_passes()


async def test_compiling_is_bounded(bench: Bench):
    for name, program in bench.programs.compile_bombs.items():
        verdict = await bench.run(program + ("" if "add(" in program else bench.programs.add))
        assert verdict.status in (Status.ERROR, Status.TIMEOUT, Status.MEMORY, Status.OUTPUT, Status.FAIL), (
            name,
            verdict,
        )
        assert verdict.compile_seconds < 100, name
        await bench.next_passes()


async def test_no_forgery_passes(bench: Bench):
    for name, program in bench.programs.forgeries.items():
        verdict = await bench.run(program)
        assert verdict.status not in (Status.PASS, Status.INFRA), (name, verdict)
    await bench.next_passes()


async def test_a_language_is_a_folder(level: Level, tmp_path: Path):
    perl = tmp_path / "perl"
    perl.mkdir()
    (perl / "manifest.toml").write_text(
        """
        title = "Perl"
        aliases = ["pl"]
        [toolchain]
        programs = ["perl"]
        get = "install perl"
        version = ["{perl}", "-e", "print $^V"]
        [program]
        solution = "solution.pl"
        tests = "tests.pl"
        copied = ["harness.pl"]
        [run]
        command = ["{perl}", "harness.pl"]
        """
    )
    (perl / "harness.pl").write_text(
        r"""
        open(my $in, "<&=4"); open(my $out, ">&=3"); $out->autoflush(1);
        sysread($in, my $key, 33);
        my $count = 0;
        sub ok { my ($right, $what) = @_; die "not ok: $what\n" unless $right; $count++; }
        do "./solution.pl" or do { print $out "failed error ", $@ || "it gives nothing", "\n"; exit 1 };
        print $out "loaded $key";
        sysread($in, my $nonce, 33); chomp $nonce;
        do "./tests.pl"; if ($@) { chomp $@; print $out "failed fail $@\n"; exit 1 }
        print $out "done $nonce $count\n";
        """
    )
    pool = Pool(level, slots=1, languages=Languages((OWN, tmp_path)), cache_bytes=0)
    await pool.start()
    try:
        bench = Bench(pool, "pl")
        right = await bench.run("sub add { $_[0] + $_[1] } 1;", "ok(add(1, 2) == 3, 'add');")
        assert (right.status, right.asserts_run) == (Status.PASS, 1), right
        wrong = await bench.run("sub add { $_[0] - $_[1] } 1;", "ok(add(1, 2) == 3, 'add');")
        assert (wrong.status, wrong.reason) == (Status.FAIL, "not ok: add")
        assert "perl" in pool.languages.available
        python = Program("x", "python", "x = 1\n", "assert x == 1\n", isolation=pool.isolations[0])
        assert (await pool.run(python)).environment not in ("", right.environment)
    finally:
        await pool.close()
