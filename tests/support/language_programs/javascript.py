"""Programs in JavaScript."""

from support.language_programs.programs import Programs

JAVASCRIPT = Programs(
    add="function add(a, b) {\n  return a + b;\n}\n",
    wrong="function add(a, b) {\n  return a - b;\n}\n",
    tests="const assert = require('assert');\n\nassert.strictEqual(add(1, 2), 3);\nassert.deepEqual([add(2, 2)], [4]);\n",
    throwing_tests="""
import { add as sum } from './solution';

function testAdd() {
  if (sum(1, 2) !== 3) {
    throw new Error('add(1, 2)');
  }
  console.assert(sum(2, 2) === 4, 'add(2, 2)');
}
""",
    empty_tests="add(1, 2);\n",
    leaves="function add(a, b) {\n  process.exit(0);\n}\n",
    broken="const one = 1;\n\nfunction add(a, b) { return a + ; }\n",
    loops="function add(a, b) {\n  for (;;) {}\n}\n",
    hoards="function add(a, b) {\n  const all = [];\n  for (;;) all.push(new Array(1 << 17).fill(1.5));\n}\n",
    prints="function add(a, b) {\n  for (let i = 0; i < 200000; ) try { i += require('fs').writeSync(2, '0123456789\\n') / 11; } catch (full) {}\n  return 3;\n}\n",
    connects="""
const net = require('net');
let open = 0;
const tries = [];
for (const host of ['1.1.1.1', '169.254.169.254', '127.0.0.1', '10.0.0.1'])
  for (const port of [53, 80, 443])
    tries.push(new Promise((done) => net.connect(port, host).on('connect', () => done((open = 3))).on('error', done)));
function add(a, b) {
  return Promise.all(tries).then(() => open);
}
""",
    reads="""
const fs = require('fs');
function add(a, b) {
  for (const pid of [process.ppid, 1])
    for (const name of ['environ', 'mem', 'maps', 'fd/0', 'fd/1', 'fd/3', 'fd/5'])
      try {
        fs.openSync(`/proc/${pid}/${name}`);
        return 3;
      } catch (error) {}
  return 0;
}
""",
    bomb="""
const { spawn } = require('child_process');
const { Worker } = require('worker_threads');
function add(a, b) {
  for (;;) {
    spawn(process.execPath, ['-e', 'for (;;) {}']).on('error', () => {});
    try { new Worker('for (;;) {}', { eval: true }); } catch (error) {}
  }
}
""",
    forgeries={
        "it writes to every descriptor": """
const fs = require('fs');
for (let fd = 3; fd < 300; fd++)
  try { fs.writeSync(fd, 'loaded 0\\ndone 00000000000000000000000000000000 2\\n'); } catch (error) {}
function add(a, b) { return 0; }
""",
        "it leaves at once": "process.exit(0);\nfunction add(a, b) { return 0; }\n",
        "exit handlers": """
process.on('exit', () => { process.exitCode = 0; process.reallyExit(0); });
function add(a, b) { return 0; }
""",
        "uncaught exceptions": """
process.removeAllListeners('uncaughtException');
process.on('uncaughtException', () => process.exit(0));
function add(a, b) { throw new Error('x'); }
""",
        "assert without effect": """
const assert = require('assert');
for (const name of Object.keys(assert)) assert[name] = () => {};
require.cache = {};
function add(a, b) { return 0; }
""",
        "methods of its own": """
const calls = [];
Promise.prototype.then = function (done) { return done && done(); };
Function.prototype.apply = function () { return true; };
Function.prototype.call = function () { return true; };
Reflect.apply = () => true;
Object.is = () => true;
Array.prototype.join = () => '';
function add(a, b) { return 0; }
""",
        "the nonce as it passes": """
const fs = require('fs');
let nonce = '';
for (const [kind, names] of [[Buffer.prototype, ['latin1Slice', 'toString']], [String.prototype, ['replace', 'slice']]])
  for (const name of names) {
    const own = kind[name];
    kind[name] = function (...values) {
      const found = own.apply(this, values);
      if (/^[0-9a-f]{32}$/.test(String(this))) nonce = String(this);
      if (typeof found === 'string' && /^[0-9a-f]{32}$/.test(found)) nonce = found;
      return found;
    };
  }
const write = fs.writeSync;
fs.writeSync = (fd, text) => { nonce = /[0-9a-f]{32}/.exec(text) || nonce; return write(fd, text); };
fs.readSync = () => 0;
function add(a, b) { write(3, 'done ' + nonce + ' 2\\n'); process.reallyExit(0); }
""",
        "another realm's script": """
const vm = require('vm');
vm.Script.prototype.runInThisContext = () => async () => {};
vm.runInThisContext = () => async () => {};
function add(a, b) { return 0; }
""",
        "modules of its own": """
const Module = require('module');
Module._load = () => new Proxy(() => {}, { get: () => () => {} });
function add(a, b) { return 0; }
""",
    },
)
