"""Whether verdicts are right: mutants of the canonical solutions of HumanEval and MBPP, in the sandbox and without it.

    .venv/bin/python benchmarks/mutants.py FOLDER [--each 5] [--workers N] [--report benchmarks/mutants.md]

FOLDER holds humaneval.jsonl.gz and mbpp.jsonl.gz as their authors publish them. Each solution is changed in one place
of its syntax tree, the same on every run. The native judge is a plain Python process that runs solution and tests as
one file under the same limits, and passes what reaches its end: these programs are no forgers. It runs code on this
machine without a sandbox, so it is for these data sets and nothing else. Exit status 1 when a verdict differs and no
known reason says why.
"""

import argparse
import ast
import asyncio
import copy
import random
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from canonical_solutions import execute, humaneval, mbpp
from seedmill.execution.sandboxes.bundle import guest_python
from seedmill.records.verdict import Program, Status, Verdict, VerdictKind
from seedmill.serving.logs import LogFormat, LogLevel, configure_logs

CPU_SECONDS = 2.0
ADDRESS_BYTES = 4 << 30
REACHED_THE_END = 77
PYTHON = guest_python().path
# In the new process, not before it: this one has loaded gRPC and must not fork.
LIMITED = """
import resource, runpy, sys
file, cpu, space = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
resource.setrlimit(resource.RLIMIT_CPU, (cpu, cpu + 1))
resource.setrlimit(resource.RLIMIT_AS, (space, space))
runpy.run_path(file, run_name="__main__")
sys.exit(77)  # the end was reached: a solution that leaves with status 0 has not passed
"""
COMPARISONS = {ast.Lt: ast.LtE, ast.LtE: ast.Lt, ast.Gt: ast.GtE, ast.GtE: ast.Gt, ast.Eq: ast.NotEq, ast.NotEq: ast.Eq,
               ast.In: ast.NotIn, ast.NotIn: ast.In, ast.Is: ast.IsNot, ast.IsNot: ast.Is}  # fmt: skip
OPERATORS = {ast.Add: ast.Sub, ast.Sub: ast.Add, ast.Mult: ast.Add, ast.Div: ast.Mult, ast.FloorDiv: ast.Mult,
             ast.Mod: ast.FloorDiv, ast.Pow: ast.Mult, ast.BitAnd: ast.BitOr, ast.BitOr: ast.BitAnd,
             ast.BitXor: ast.BitAnd, ast.LShift: ast.RShift, ast.RShift: ast.LShift}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Outcome:
    """A mutant, what the service said of it, and what the native judge did (pass, fail, timeout)."""

    program: Program
    verdict: Verdict
    native: str


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("folder", type=Path, help="holds humaneval.jsonl.gz and mbpp.jsonl.gz")
    parser.add_argument("--each", type=int, default=5, help="mutants of each solution")
    parser.add_argument("--first", type=int, help="of each set, only so many solutions")
    parser.add_argument("--workers", type=int, help="programs at the same time; default: one for each CPU")
    parser.add_argument("--report", type=Path, help="write the result there, as Markdown")
    options = parser.parse_args()
    configure_logs(LogFormat.AUTO, LogLevel.WARNING)
    canonical = [*list(humaneval(options.folder))[: options.first], *list(mbpp(options.folder))[: options.first]]
    programs = [mutant for each in canonical for mutant in mutants(each, options.each)]
    started = time.monotonic()
    verdicts = {each.id: each for each in asyncio.run(execute(programs, options.workers, native=False))}
    between = time.monotonic()
    natives = asyncio.run(judge_natively(programs))
    ended = time.monotonic()
    outcomes = [Outcome(each, verdicts[each.id], natives[each.id]) for each in programs]
    text = "\n".join(report(len(canonical), outcomes, between - started, ended - between)) + "\n"
    print(text)
    if options.report:
        options.report.write_text(text)
    return 1 if any(kind_of_difference(each) == "unexplained" for each in outcomes) else 0


# mutation


def mutants(program: Program, count: int) -> Iterator[Program]:
    """Different ones, none of which equals the solution's own text; fewer where there are not so many."""
    tree = ast.parse(program.solution)
    original = ast.unparse(tree)
    choice = random.Random(program.id)
    seen = {original}
    for _ in range(20 * count):
        changed = copy.deepcopy(tree)
        places = [node for node in ast.walk(changed) if isinstance(node, PLACES)]
        if not places or not _change(choice.choice(places), choice):
            continue
        text = ast.unparse(ast.fix_missing_locations(changed))
        if text not in seen:
            seen.add(text)
            yield replace(
                program, id=f"{program.id}#{len(seen) - 1}", solution=text, timeout_seconds=CPU_SECONDS,
                verdict=VerdictKind.AUTO,
            )  # fmt: skip
        if len(seen) > count:
            return


PLACES = (
    *(ast.Compare, ast.BinOp, ast.BoolOp, ast.UnaryOp, ast.Constant, ast.If, ast.IfExp, ast.Call, ast.Return),
    *(ast.FunctionDef, ast.For, ast.While, ast.AugAssign, ast.Subscript, ast.Slice),
)


def _change(node: ast.AST, choice: random.Random) -> bool:
    """Change it in place; False where there is nothing to change."""
    match node:
        case ast.Compare():
            node.ops[0] = COMPARISONS[type(node.ops[0])]()
        case ast.BinOp() | ast.AugAssign():
            if type(node.op) not in OPERATORS:
                return False
            node.op = OPERATORS[type(node.op)]()
        case ast.BoolOp():
            node.op = ast.Or() if isinstance(node.op, ast.And) else ast.And()
        case ast.UnaryOp():
            node.op = ast.UAdd() if isinstance(node.op, ast.USub) else ast.Not()
        case ast.Constant(value=bool()):
            node.value = not node.value
        case ast.Constant(value=int() | float()):
            node.value += choice.choice((-1, 1))
        case ast.Constant(value=str()) if node.value:
            node.value = node.value[1:]
        case ast.If() | ast.IfExp():
            node.test = ast.UnaryOp(ast.Not(), node.test)
        case ast.Call() if node.args:
            node.args[0] = ast.BinOp(node.args[0], ast.Add(), ast.Constant(1))
        case ast.Return() if node.value is not None:
            node.value = ast.Constant(None)
        case ast.Slice() if node.lower is not None:
            node.lower = ast.BinOp(node.lower, ast.Add(), ast.Constant(1))
        case ast.Subscript(slice=ast.Constant(value=int())):
            node.slice = ast.Constant(node.slice.value + 1)
        case ast.FunctionDef() | ast.For() | ast.While():
            if len(node.body) < 2:
                return False
            del node.body[choice.randrange(len(node.body))]
        case _:
            return False
    return True


# the native judge


async def judge_natively(programs: list[Program]) -> dict[str, str]:
    """pass, fail or timeout of each, two at a time."""
    places = asyncio.Semaphore(2)

    async def one(program: Program) -> tuple[str, str]:
        async with places:
            return program.id, await _native(program)

    return dict(await asyncio.gather(*map(one, programs)))


async def _native(program: Program) -> str:
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "program.py"
        file.write_text(f"{program.solution}\n\n{program.tests}\n", encoding="utf-8")
        limits = (str(int(CPU_SECONDS)), str(ADDRESS_BYTES))
        process = await asyncio.create_subprocess_exec(
            *(PYTHON, "-I", "-c", LIMITED, str(file), *limits),
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.DEVNULL,
            stderr=asyncio.subprocess.DEVNULL,
            cwd=folder,
        )
        try:
            code = await asyncio.wait_for(process.wait(), 3 * CPU_SECONDS + 1)
        except TimeoutError:
            process.kill()
            await process.wait()
            return "timeout"
    return "pass" if code == REACHED_THE_END else "timeout" if code in (-9, -24) else "fail"


# comparison


def kind_of_difference(outcome: Outcome) -> str:
    """Empty where both agree; a known reason; or `unexplained`."""
    status, native = outcome.verdict.status, outcome.native
    if (status is Status.PASS) == (native == "pass"):
        if (status is Status.TIMEOUT) != (native == "timeout"):
            return "one ran out of time, the other failed" if status is not Status.MEMORY else "memory"
        return "infra" if status is Status.INFRA else ""
    if status is Status.MEMORY:
        return "memory: more than 512 MiB, which the native run may use"
    if status is Status.TIMEOUT or native == "timeout":
        return "near the time limit"
    if outcome.verdict.reason.startswith("StrictUnsupported"):
        return "strict cannot host it"
    if status is Status.VACUOUS:
        return "vacuous: the tests pass whatever the solution does"
    return "unexplained"


def report(solutions: int, outcomes: list[Outcome], seconds: float, native_seconds: float) -> Iterator[str]:
    total = len(outcomes)
    differing = [(kind, each) for each in outcomes if (kind := kind_of_difference(each))]
    token = [each for each in outcomes if each.verdict.kind is VerdictKind.TOKEN]
    yield "# Mutants of canonical solutions: the service's verdicts beside a native run of the same tests"
    yield ""
    yield "Written by `benchmarks/mutants.py`."
    yield ""
    yield f"{total} mutants of {solutions} solutions, verdict Auto, {outcomes[0].verdict.sandbox};"
    yield f"{total / seconds:.1f} programs/s in the service, {total / native_seconds:.1f} natively (one Python each)."
    yield ""
    yield "| | programs |"
    yield "|---|---|"
    yield f"| the same answer (pass or not) | {sum(_agrees(each) for each in outcomes)} |"
    yield f"| another answer | {sum(not _agrees(each) for each in outcomes)} |"
    yield f"| judged by token | {len(token)} ({len(token) / total:.2%}) |"
    yield ""
    yield "| the service | native | programs |"
    yield "|---|---|---|"
    for (status, native), count in sorted(Counter((str(o.verdict.status), o.native) for o in outcomes).items()):
        yield f"| {status} | {native} | {count} |"
    yield ""
    yield "Differences by kind, timeouts among them:"
    yield ""
    for kind, count in Counter(kind for kind, _ in differing).most_common():
        yield f"* {kind}: {count}"
    yield ""
    for kind, each in differing:
        if not _agrees(each) or kind in ("unexplained", "infra"):
            yield f"* `{each.program.id}` {each.verdict.status} ({each.verdict.reason}), native {each.native}: {kind}"
    if token:
        yield ""
        yield "Judged by token:"
        yield ""
        reasons = Counter(each.verdict.downgrade.partition(" (line")[0] for each in token)
        yield from (f"* {reason}: {count}" for reason, count in reasons.most_common())


def _agrees(outcome: Outcome) -> bool:
    return (outcome.verdict.status is Status.PASS) == (outcome.native == "pass")


if __name__ == "__main__":
    sys.exit(main())
