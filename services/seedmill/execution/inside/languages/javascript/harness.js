// Runs a solution and its tests, both as scripts of one realm, and says how they ended. Whatever it needs later it takes
// before the first line of the solution runs; key and nonce are in no object that a program can reach.
'use strict';
(() => {
  const fs = require('fs');
  const vm = require('vm');
  const assert = require('assert');
  const { readSync, writeSync, readFileSync } = fs;
  const leave = process.reallyExit.bind(process);
  const { create, keys, defineProperty } = Object;
  const { AssertionError } = assert;
  const { apply } = Reflect; // methods are looked up now: a solution may put others in their place
  const { then } = Promise.prototype;
  const { latin1Slice } = Buffer.prototype;
  const { runInThisContext } = vm.Script.prototype;

  function take() {
    const line = Buffer.alloc(33);
    for (let size = 0; size < 33; ) {
      const got = readSync(4, line, size, 33 - size, null);
      if (got === 0) leave(1);
      size += got;
    }
    return apply(latin1Slice, line, [0, 32]);
  }

  function end(status, reason) {
    writeSync(3, 'failed ' + status + ' ' + reason.slice(0, 500).replace(/[\r\n]+/g, ' ') + '\n');
    leave(1);
  }

  function why(error) {
    let name = 'thrown', message = '', place = '';
    try {
      if (error instanceof Error) {
        name = error.name || 'Error';
        message = String(error.message).split('\n', 1)[0];
        const stack = String(error.stack);
        const found = /\btests\.js:(\d+)/.exec(stack) || /\bsolution\.js:(\d+)/.exec(stack);
        if (found && isPlain) place = (found[0][0] === 't' ? ' in tests line ' : ' in solution line ') + found[1];
      } else {
        message = String(error);
      }
    } catch (other) {
      message = '(no message)';
    }
    return name + place + (message ? ': ' + message : '');
  }

  // import and export, line for line
  function asScript(text) {
    const lines = (found) => '\n'.repeat(found.split('\n').length - 1);
    let last = '';
    const named = (names) => '{' + names.replace(/\btype\s+/g, '').replace(/\s+as\s+/g, ': ') + '}';
    const script = text
      .replace(/^import\s*(['"][^'"\n]+['"])\s*;?/gm, (_, module) => `require(${module});`)
      .replace(
        /^import\s+(?:([\w$]+)\s*,?\s*)?(?:\*\s*as\s+([\w$]+)\s*|\{([^}]*)\}\s*)?from\s*(['"][^'"\n]+['"])\s*;?/gm,
        (found, main, all, names, module) => {
          const parts = [];
          if (main) parts.push(`const ${main} = seedmill_default(require(${module}));`);
          if (all) parts.push(`const ${all} = require(${module});`);
          if (names !== undefined) parts.push(`const ${named(names.replace(/\s+/g, ' '))} = require(${module});`);
          return parts.join(' ') + lines(found);
        },
      )
      .replace(/^export\s+default\s+(?=(?:async\s+)?(?:function\s*\*?|class)\s+([\w$]+))/gm, (_, name) => {
        last = `\nmodule.exports.default = ${name};`;
        return '';
      })
      .replace(/^export\s+default\s+/gm, 'module.exports.default = ')
      .replace(/^export\s+(?=const\b|let\b|var\b|function\b|class\b|async\b)/gm, '')
      .replace(/^export\s*(?:\*|\{[^}]*\})(?:\s*from\s*['"][^'"\n]+['"])?\s*;?/gm, lines);
    return script + last;
  }

  // what tests get beside the solution's names

  let count = 0;
  const counted = () => {
    count += 1;
    return true;
  };

  function counting(check) {
    return function (...values) {
      const result = apply(check, this, values);
      if (result instanceof Promise) return apply(then, result, [(value) => (counted(), value)]);
      counted();
      return result;
    };
  }

  function countingModule(module) {
    const own = counting(module);
    for (const name of keys(module)) {
      const value = module[name];
      if (typeof value !== 'function' || name === 'AssertionError' || name === 'CallTracker') own[name] = value;
      else if (name !== 'strict') own[name] = counting(value);
    }
    return own;
  }

  const checks = countingModule(assert);
  checks.strict = countingModule(assert.strict);
  checks.strict.strict = checks.strict;
  const testConsole = create(console);
  defineProperty(testConsole, 'assert', {
    value: counting((condition, ...words) => {
      if (!condition) throw new AssertionError({ message: words.length ? words.map(String).join(' ') : 'console.assert' });
    }),
  });

  const ownRequire = require;
  const exported = { exports: {} };
  let names = [];
  function solution() {
    const found = exported.exports;
    const all = typeof found === 'function' ? found : create(found);
    for (const name of names) {
      if (!(name in all)) defineProperty(all, name, { value: vm.runInThisContext(name), enumerable: true });
    }
    return all;
  }
  function solutionRequire(name) {
    return ownRequire(name);
  }
  function testRequire(name) {
    if (name === 'assert' || name === 'node:assert') return checks;
    if (name === 'assert/strict' || name === 'node:assert/strict') return checks.strict;
    if (/^\.{1,2}\/|^solution$/.test(name)) return solution();
    return ownRequire(name);
  }

  const isPlain = !fs.existsSync('solution.ts');
  const key = take();
  const texts = ['solution.js', 'tests.js'].map((name) => asScript(readFileSync(name, 'utf8')));
  process.on('uncaughtException', (error) => end('fail', why(error)));
  Object.assign(globalThis, {
    require: solutionRequire,
    module: exported,
    exports: exported.exports,
    seedmill_default: (module) => (module && module.default !== undefined ? module.default : module),
  });
  let solutionScript, tests;
  try {
    names = Array.from(texts[0].matchAll(/^(?:async\s+)?(?:function\s*\*?|class|const|let|var)\s+([\w$]+)/gm), (found) => found[1]);
    solutionScript = new vm.Script(texts[0], { filename: 'solution.js' });
  } catch (error) {
    end('error', syntax(error, 'solution'));
  }
  const before = '(async (require, assert, console, seedmill_counted) => {{ ';
  try {
    tests = new vm.Script(before + texts[1] + '\n}})', { filename: 'tests.js' });
  } catch (error) {
    end('error', syntax(error, 'tests'));
  }
  try {
    solutionScript.runInThisContext();
  } catch (error) {
    end('error', why(error));
  }
  writeSync(3, 'loaded ' + key + '\n');
  const nonce = take();
  apply(then, apply(runInThisContext, tests, [])(testRequire, checks, testConsole, counted), [
    () => {
      writeSync(3, 'done ' + nonce + ' ' + count + '\n');
      leave(0);
    },
    (error) => end('fail', why(error)),
  ]);

  function syntax(error, text) {
    const found = /\.js:(\d+)/.exec(String(error.stack));
    return `${error.name}${found && isPlain ? ` in ${text} line ${found[1]}` : ` in ${text}`}: ${error.message}`;
  }
})();
