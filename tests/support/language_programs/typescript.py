"""Programs in TypeScript, some of them those of JavaScript."""

from support.language_programs.javascript import JAVASCRIPT
from support.language_programs.programs import Programs

TYPESCRIPT = Programs(
    add="export function add(a: number, b: number): number {\n  return a + b;\n}\n",
    wrong="function add(a: number, b: number): number {\n  return a - b;\n}\n",
    tests="""
import assert from 'node:assert';
import { add } from './solution';

const cases: Array<[number, number, number]> = [[1, 2, 3], [2, 2, 4]];
for (const [a, b, sum] of cases) assert.strictEqual(add(a, b), sum);
""",
    throwing_tests="""
enum Kind { One = 1, Two }

function testAdd(): void {
  if (add(Kind.One, Kind.Two) !== 3) {
    throw new Error('add(1, 2)' as string);
  }
  console.assert(add(2, 2) === 4);
}
""",
    empty_tests="const sum: number = add(1, 2);\n",
    leaves="function add(a: number, b: number): number {\n  process.exit(0);\n}\n",
    broken="const one: number = 1;\n\nfunction add(a: number, b: number): number { return a + ; }\n",
    loops="function add(a: number, b: number): number {\n  for (;;) {}\n}\n",
    hoards="function add(a: number, b: number) {\n  const all: any[] = [];\n  for (;;) all.push(new Array(1 << 17).fill(1.5));\n}\n",
    prints="function add(a: number, b: number) {\n  for (let i = 0; i < 200000; ) try { i += require('fs').writeSync(2, '0123456789\\n') / 11; } catch (full) {}\n  return 3;\n}\n",
    connects=JAVASCRIPT.connects,
    reads=JAVASCRIPT.reads,
    bomb=JAVASCRIPT.bomb,
    forgeries=JAVASCRIPT.forgeries,
    compile_bombs={
        "deep nesting": "const x: number = "
        + "(" * 200_000
        + "1"
        + ")" * 200_000
        + ";\nfunction add(a: number, b: number) { return 0; }\n",
    },
)
