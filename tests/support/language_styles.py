"""Right programs as models and benchmarks write them, by language: (solution, tests, assertions that run)."""

STYLES = {
    "cpp": {
        "the tests close the function, as in MultiPL-E": (
            "#include<assert.h>\n#include<bits/stdc++.h>\n// Adds.\nlong add(long a, long b) {\n    return a + b;",
            "}\nint main() {\n    auto candidate = add;\n    assert(candidate((1), (2)) == (3));\n"
            "    assert(candidate((2), (2)) == (4));\n}\n",
            2,
        ),
        "statements alone": (
            "#include <vector>\nusing namespace std;\nvector<int> twice(vector<int> xs) { for (auto& x : xs) x *= 2; return xs; }",
            "#include <cassert>\nassert((twice({1, 2}) == vector<int>{2, 4}));\nassert(twice({}).empty());",
            2,
        ),
        "a check of its own": (
            "struct Stack { std::vector<int> all; void push(int x) { all.push_back(x); } };\nint main() { Stack s; }",
            "int main() {\n  Stack s;\n  s.push(1);\n  if (s.all.size() != 1) return 1;\n  std::cout << 1'000 << '\\'';\n  return 0;\n}",
            1,
        ),
    },
    "go": {
        "imports of the tests stand in the solution, as in MultiPL-E": (
            'package add_test\n\nimport (\n    "fmt"\n    "testing"\n)\n\n// Adds.\nfunc add(a int, b int) int {\n    return a + b\n}\n',
            "func TestAdd(t *testing.T) {\n  candidate := add\n  type test struct {\n    actual int\n    expected int\n  }\n"
            "  tests := []test{\n    {actual: candidate(1, 2), expected: 3},\n    {actual: candidate(2, 2), expected: 4},\n  }\n"
            '  for i, tc := range tests {\n    t.Run(fmt.Sprintf("test num % d", i), func(t *testing.T) {\n'
            '      if fmt.Sprintf("%v", tc.actual) != fmt.Sprintf("%v", tc.expected) {\n'
            "        t.Errorf(\"expected '%s', got '%s'\", tc.expected, tc.actual)\n      }\n    })\n  }\n}\n",
            2,
        ),
        "statements alone": (
            'package main\n\nimport "strings"\n\nfunc up(s string) string { return strings.ToUpper(s) }\n\nfunc main() { up("x") }\n',
            'if up("a") != "A" {\n\tpanic("a")\n}\nif s := up("b"); s != "B" || len(s) != 1 {\n\tpanic(s)\n}',
            2,
        ),
    },
    "rust": {
        "the tests close the function, as in MultiPL-E": (
            "/// Adds.\nfn add(a: isize, b: isize) -> isize {\n    a + b",
            "}\n\nfn main() {\n    let candidate = add;\n    assert_eq!(candidate(1, 2), 3);\n    assert_eq!(candidate(2, 2), 4);\n}\n",
            2,
        ),
        "statements alone": (
            "use std::collections::HashMap;\nfn count<'a>(xs: &[&'a str]) -> HashMap<&'a str, u32> {\n"
            "    let mut all = HashMap::new();\n    for x in xs { *all.entry(*x).or_insert(0) += 1; }\n    all\n}\n",
            'use std::collections::HashMap;\nlet all: HashMap<&str, u32> = count(&["a", "b", "a"]);\nassert_eq!(all["a"], 2, "a {}", 1);',
            1,
        ),
        "panics that are expected": (
            "pub struct Stack<T> { all: Vec<T> }\nimpl<T> Stack<T> {\n    pub fn new() -> Self { Stack { all: vec![] } }\n"
            '    pub fn pop(&mut self) -> T { self.all.pop().expect("empty") }\n}\nfn main() {}\n',
            "#[test]\n#[should_panic(expected = \"empty\")]\nfn panics() { Stack::<i32>::new().pop(); }\n\n"
            "#[test]\nfn is_empty() { assert!(Stack::<char>::new().all.is_empty()); let _c = '\"'; }\n",
            2,
        ),
    },
    "java": {
        "one class of both, as in MultiPL-E": (
            "import java.util.*;\nimport java.util.stream.*;\nclass Problem {\n    // Adds.\n    public static long add(long a, long b) {\n"
            "        return a + b;\n",
            "    }\n    public static void main(String[] args) {\n    assert(add((1l), (2l)) == (3l));\n"
            "    assert(add((2l), (2l)) == (4l));\n    }\n\n}\n",
            2,
        ),
        "methods alone": (
            "import java.util.*;\n\npublic int add(int a, int b) { return a + b; }\n\n"
            "static <T> List<T> twice(List<T> xs) { List<T> all = new ArrayList<>(xs); all.addAll(xs); return all; }\n",
            "assert add(1, 2) == 3 : \"add: \" + add(1, 2);\nassert twice(List.of(1)).equals(List.of(1, 1)) ? true : false;",
            2,
        ),
        "records, generics and lambdas": (
            "package calc;\n\nimport java.util.function.*;\n\npublic record Pair<A, B>(A a, B b) {\n"
            "    <C> Pair<C, B> map(Function<A, C> f) { return new Pair<>(f.apply(a), b); }\n}\n",
            "public class PairTest {\n    private static void check(boolean right) { if (!right) throw new RuntimeException(); }\n"
            "    public static void main(String... args) {\n        check(new Pair<>(1, \"x\").map(x -> x + 1).a() == 2);\n"
            "        if (new Pair<>(1, 2).b() != 2) {\n            throw new IllegalStateException(\"b\");\n        }\n    }\n}\n",
            2,
        ),
    },
    "javascript": {
        "as in MultiPL-E": (
            "//Adds.\nfunction add(a, b){\n  return a + b;\n}\n",
            "const assert = require('node:assert');\n\n\nfunction test() {\n  let candidate = add;\n"
            "  assert.deepEqual(candidate(1, 2),3);\n  assert.deepEqual(candidate(2, 2),4);\n}\n\ntest();",
            2,
        ),
        "modules": (
            "import { EventEmitter as Emitter } from 'node:events';\n\nexport default class Counter extends Emitter {\n  n = 0;\n}\n"
            "export const double = (x) => 2 * x;\nexport { Counter };\n",
            "import assert, { strictEqual } from 'node:assert/strict';\nimport Counter, { double } from './counter.js';\n"
            "import * as all from '../src/counter.js';\nassert.equal(new Counter().n, 0);\nstrictEqual(double(2), 4);\nassert(all.Counter);",
            3,
        ),
        "promises": (
            "const wait = (x) => new Promise((done) => setTimeout(done, 1, x));\nmodule.exports = { wait };\n",
            "const assert = require('assert');\nconst { wait } = require('./solution');\n(async () => {})();\n"
            "assert.strictEqual(await wait(3), 3);\nawait assert.rejects(() => Promise.reject(new Error('x')), /x/);",
            2,
        ),
    },
    "typescript": {
        "as in MultiPL-E": (
            "//Adds.\nfunction add(a: number, b: number): number {\n  return a + b;\n}\n",
            "declare var require: any;\nconst assert = require('node:assert');\n\n\nfunction test() {\n  let candidate = add;\n"
            "  assert.deepEqual(candidate(1, 2),3);\n  assert.deepEqual(candidate(2, 2),4);\n}\n\ntest();",
            2,
        ),
        "types of all kinds": (
            "export interface Shape { area(): number }\nexport type Size = { side: number };\nexport enum Kind { Square = 'square' }\n"
            "export class Square implements Shape {\n  constructor(private readonly size: Size, public kind: Kind = Kind.Square) {}\n"
            "  area(): number { return this.size.side ** 2; }\n}\n",
            "import * as assert from 'assert';\nimport { Square, Kind, type Size } from './solution';\n\nconst size: Size = { side: 2 };\n"
            "const square = new Square(size);\nassert.equal(square.area(), 4);\nassert.strictEqual(square.kind satisfies Kind, 'square' as Kind);",
            2,
        ),
    },
    "bash": {
        "as in MultiPL-E": (
            "#!/bin/bash\n# Adds.\n#\n# $1 is an integer\n# $2 is an integer\nadd() {\n    echo $(( $1 + $2 ))\n}\n",
            "candidate() {\n    add \"$@\"\n}\n\nset -e\nrun_test() {\n    [[ $(candidate \"1\" \"2\") = \"3\" ]]\n"
            "    [[ $(candidate \"2\" \"2\") = \"4\" ]]\n}\n\nrun_test\n",
            2,
        ),
        "checks of its own": (
            "up() { tr a-z A-Z <<< \"$1\"; }\nis_even() { (( $1 % 2 == 0 )); }\n",
            "expect() {\n  if [[ \"$1\" != \"$2\" ]]; then\n    echo \"not ok: $1\"\n    exit 1\n  fi\n}\nexpect \"$(up ab)\" AB\n"
            "assert_true is_even 4\nassert_fails is_even 3\nexpect \"$(cat << X\n[[ a ]]\nX\n)\" '[[ a ]]'\nexit 0\n",
            4,
        ),
    },
}  # fmt: skip
