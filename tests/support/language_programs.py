"""Programs in each language, as data: what becomes of them is said by tests/integration/test_execution_languages.py.

`ADD` is a right solution, `TESTS` holds two assertions of it, `FORGERIES` are wrong solutions that try to pass `TESTS`.
The other fields are (solution, tests); the tests call the solution, which does what the field says.
"""

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Programs:
    add: str
    wrong: str
    tests: str
    throwing_tests: str
    """Tests without an assertion of the language: conditions that throw, or what test functions are there."""
    empty_tests: str
    leaves: str
    """`add`, which ends the process with status 0."""
    broken: str
    """Its third line is no program."""
    loops: str
    hoards: str
    prints: str
    connects: str
    """`add` gives 3 when it could connect to anything."""
    reads: str
    """`add` gives 3 when it could read what belongs to the warden (its memory, environment, descriptors)."""
    bomb: str
    forgeries: dict[str, str]
    compile_bombs: dict[str, str] = field(default_factory=dict)


CPP = Programs(
    add="int add(int a, int b) {\n  return a + b;\n}\n",
    wrong="int add(int a, int b) {\n  return a - b;\n}\n",
    tests="#include <cassert>\n\nint main() {\n  assert(add(1, 2) == 3);\n  assert(add(2, 2) == 4);\n}\n",
    throwing_tests="""
void test_add() {
  if (add(1, 2) != 3) throw std::runtime_error("add(1, 2)");
}
bool test_more() { return add(2, 2) == 4; }
""",
    empty_tests="int main() { add(1, 2); }\n",
    leaves="#include <cstdlib>\nint add(int a, int b) { std::exit(0); }\n",
    broken="int one() { return 1; }\n\nint add(int a, int b) { return a + ; }\n",
    loops="int add(int a, int b) { for (volatile int i = 0;; i = i + 1) {} }\n",
    hoards="""
#include <vector>
int add(int a, int b) {
  std::vector<std::vector<char>> all;
  for (;;) all.emplace_back(1 << 20, 'x');
}
""",
    prints='#include <cstdio>\nint add(int a, int b) { for (int i = 0; i < 4000000; i++) puts("0123456789"); return 3; }\n',
    connects="""
#include <arpa/inet.h>
#include <sys/socket.h>
int add(int a, int b) {
  for (const char* host : {"1.1.1.1", "169.254.169.254", "127.0.0.1", "10.0.0.1"})
    for (int port : {53, 80, 443}) {
      sockaddr_in to{AF_INET, htons(port)};
      inet_pton(AF_INET, host, &to.sin_addr);
      if (connect(socket(AF_INET, SOCK_STREAM, 0), (sockaddr*)&to, sizeof to) == 0) return 3;
    }
  return 0;
}
""",
    reads="""
#include <fstream>
#include <string>
#include <unistd.h>
int add(int a, int b) {
  for (std::string pid : {std::to_string(getppid()), std::string("1")})
    for (const char* name : {"/environ", "/mem", "/maps", "/fd/0", "/fd/1", "/fd/3", "/fd/5"})
      if (getppid() != getpid() && std::ifstream("/proc/" + pid + name)) return 3;
  return 0;
}
""",
    bomb="#include <unistd.h>\nint add(int a, int b) { for (;;) fork(); }\n",
    forgeries={
        "a constructor writes to every descriptor": """
#include <unistd.h>
#include <cstring>
struct First {
  First() {
    for (int fd = 3; fd < 300; fd++)
      for (const char* line : {"loaded 0\\n", "done 00000000000000000000000000000000 2\\n"}) write(fd, line, strlen(line));
  }
} first;
int add(int a, int b) { return 0; }
""",
        "a constructor leaves": "#include <cstdlib>\nstruct F { F() { exit(0); } } f;\nint add(int a, int b) { return 0; }\n",
        "a destructor leaves": "#include <unistd.h>\nstruct F { ~F() { _exit(0); } } f;\nint add(int a, int b) { return 0; }\n",
        "atexit": "#include <cstdlib>\n#include <unistd.h>\nint add(int a, int b) { atexit([] { _exit(0); }); return 0; }\n",
        "a signal handler": """
#include <csignal>
#include <unistd.h>
int add(int a, int b) {
  for (int i = 1; i < 32; i++) signal(i, [](int) { _exit(0); });
  raise(SIGABRT);
  return 0;
}
""",
        "assert without effect": "#include <cassert>\n#undef assert\n#define assert(x)\nint add(int a, int b) { return 0; }\n",
        "a main of its own": "int add(int a, int b) { return 0; }\nint main() { return 0; }\n",
        "the parent leaves": "#include <unistd.h>\nint add(int a, int b) { if (fork()) _exit(0); return 0; }\n",
        "another program": """
#include <unistd.h>
int add(int a, int b) { execl("/bin/true", "true", nullptr); return 0; }
""",
        "the harness's names": """
extern "C" bool seedmill_counted();
extern "C" int __wrap_main(int, char**);
int add(int a, int b) { seedmill_counted(); __wrap_main(0, nullptr); return 0; }
""",
        "terminate": """
#include <exception>
#include <unistd.h>
int add(int a, int b) { std::set_terminate([] { _exit(0); }); std::terminate(); }
""",
    },
    compile_bombs={
        "a file without end": '#include "/dev/zero"\n',
        "templates": "template <int N> struct T { static const int v = T<N + 1>::v; };\nint add(int a, int b) { return T<0>::v; }\n",
        "templates in two ways": """
template <int N, long P> struct T { static constexpr long v = T<N - 1, 2 * P>::v + T<N - 1, 2 * P + 1>::v; };
template <long P> struct T<0, P> { static constexpr long v = 1; };
int add(int a, int b) { return T<40, 1>::v; }
""",
        "a constant": "constexpr long f(long n) { long s = 0; while (n) s += n--; return s; }\nconstexpr long v = f(1L << 50);\n",
        "the warden's environment": '#include "/proc/1/environ"\n',
    },
)

GO = Programs(
    add="package main\n\nfunc add(a, b int) int { return a + b }\n",
    wrong="package main\n\nfunc add(a, b int) int { return a - b }\n",
    tests="""
import "testing"

func TestAdd(t *testing.T) {
	if got := add(1, 2); got != 3 {
		t.Errorf("add(1, 2) = %d", got)
	}
}

func TestMore(t *testing.T) {
	if add(2, 2) != 4 {
		t.Fatal("add(2, 2)")
	}
}
""",
    throwing_tests="""
func main() {
	if add(1, 2) != 3 {
		panic("add(1, 2)")
	}
	if add(2, 2) != 4 {
		panic("add(2, 2)")
	}
}
""",
    empty_tests='import "testing"\n\nfunc TestAdd(t *testing.T) { add(1, 2) }\n',
    leaves='package main\n\nimport "os"\n\nfunc add(a, b int) int { os.Exit(0); return 0 }\n',
    broken="package main\n\nfunc add(a, b int) int { return a + }\n",
    loops="func add(a, b int) int {\n\tfor i := 0; ; i++ {\n\t}\n}\n",
    hoards="""
func add(a, b int) int {
	var all [][]byte
	for {
		block := make([]byte, 1<<20)
		for i := range block {
			block[i] = 1
		}
		all = append(all, block)
	}
}
""",
    prints='import "fmt"\n\nfunc add(a, b int) int {\n\tfor i := 0; i < 4000000; i++ {\n\t\tfmt.Println("0123456789")\n\t}\n\treturn 3\n}\n',
    connects="""
import "net"

func add(a, b int) int {
	for _, host := range []string{"1.1.1.1", "169.254.169.254", "127.0.0.1", "10.0.0.1"} {
		for _, port := range []string{"53", "80", "443"} {
			if _, err := net.Dial("tcp", host+":"+port); err == nil {
				return 3
			}
		}
	}
	return 0
}
""",
    reads="""
import (
	"fmt"
	"os"
)

func add(a, b int) int {
	for _, pid := range []int{os.Getppid(), 1} {
		for _, name := range []string{"environ", "mem", "maps", "fd/0", "fd/1", "fd/3", "fd/5"} {
			if _, err := os.Open(fmt.Sprintf("/proc/%d/%s", pid, name)); err == nil {
				return 3
			}
		}
	}
	return 0
}
""",
    bomb="""
import "syscall"

func add(a, b int) int {
	for {
		go func() { syscall.Select(0, nil, nil, nil, nil) }()
		syscall.ForkExec("/proc/self/exe", []string{"main"}, nil)
	}
}
""",
    forgeries={
        "init writes to every descriptor": """
import "syscall"

func init() {
	for fd := 3; fd < 300; fd++ {
		syscall.Write(fd, []byte("loaded 0\\ndone 00000000000000000000000000000000 2\\n"))
	}
}
func add(a, b int) int { return 0 }
""",
        "init leaves": 'import "os"\n\nfunc init() { os.Exit(0) }\nfunc add(a, b int) int { return 0 }\n',
        "init calls the harness": """
import (
	"seedmill"
	"testing"
)

func init() {
	seedmill.Main([]testing.InternalTest{{"x", func(t *testing.T) { seedmill.Counted() }}}, nil)
}
func add(a, b int) int { return 0 }
""",
        "the harness by another spelling": """
import/**/harness/**/`seedmill`

func init() { harness.Main(nil, func() { harness.Counted() }) }
func add(a, b int) int { return 0 }
""",
        "the harness by an escape": """
import harness "seedm\\x69ll"

func init() { harness.Main(nil, func() { harness.Counted() }) }
func add(a, b int) int { return 0 }
""",
        "linkname": """
import _ "unsafe"

//go:linkname key seedmill.key
var key string

func add(a, b int) int { println(key); return 0 }
""",
        "a main of its own": "func main() {}\nfunc add(a, b int) int { return 0 }\n",
        "another goroutine leaves": 'import "os"\n\nfunc add(a, b int) int { go os.Exit(0); select {} }\n',
        "another program": """
import "syscall"

func add(a, b int) int { syscall.Exec("/bin/true", []string{"true"}, nil); return 0 }
""",
        "a panic is caught": "func add(a, b int) int { defer func() { recover() }(); panic(1) }\n",
        "testing's flags": """
import (
	"flag"
	"os"
)

func init() { os.Args = append(os.Args, "-test.run=Nothing"); _ = flag.CommandLine }
func add(a, b int) int { return 0 }
""",
    },
    compile_bombs={
        "a large array": "var x [1 << 40]int\n\nfunc add(a, b int) int { return x[a] }\n",
        "a large constant": "const x = 1 << 100000 << 100000\n\nfunc add(a, b int) int { return x }\n",
        "deep nesting": "func add(a, b int) int { return " + "(" * 200_000 + "a" + ")" * 200_000 + " }\n",
    },
)

RUST = Programs(
    add="fn add(a: i32, b: i32) -> i32 {\n    a + b\n}\n",
    wrong="fn add(a: i32, b: i32) -> i32 {\n    a - b\n}\n",
    tests="""
#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn adds() {
        assert_eq!(add(1, 2), 3);
        assert!(add(2, 2) == 4, "add({}, {})", 2, 2);
    }
}
""",
    throwing_tests="""
fn main() {
    if add(1, 2) != 3 {
        panic!("add(1, 2)");
    }
    assert_ne!(add(2, 2), 5);
}
""",
    empty_tests="fn main() {\n    add(1, 2);\n}\n",
    leaves="fn add(a: i32, b: i32) -> i32 {\n    std::process::exit(0)\n}\n",
    broken="fn one() -> i32 { 1 }\n\nfn add(a: i32, b: i32) -> i32 { a + }\n",
    loops="fn add(a: i32, b: i32) -> i32 {\n    let mut i = 0u64;\n    loop { i = std::hint::black_box(i.wrapping_add(1)); }\n}\n",
    hoards="""
fn add(a: i32, b: i32) -> i32 {
    let mut all: Vec<Vec<u8>> = Vec::new();
    loop { all.push(vec![1; 1 << 20]); }
}
""",
    prints='fn add(a: i32, b: i32) -> i32 {\n    for _ in 0..4000000 { println!("0123456789"); }\n    3\n}\n',
    connects="""
use std::net::TcpStream;

fn add(a: i32, b: i32) -> i32 {
    for host in ["1.1.1.1", "169.254.169.254", "127.0.0.1", "10.0.0.1"] {
        for port in [53, 80, 443] {
            if TcpStream::connect((host, port)).is_ok() { return 3; }
        }
    }
    0
}
""",
    reads="""
fn add(a: i32, b: i32) -> i32 {
    for pid in [std::os::unix::process::parent_id(), 1] {
        for name in ["environ", "mem", "maps", "fd/0", "fd/1", "fd/3", "fd/5"] {
            if std::fs::File::open(format!("/proc/{pid}/{name}")).is_ok() { return 3; }
        }
    }
    0
}
""",
    bomb="""
fn add(a: i32, b: i32) -> i32 {
    loop {
        let _ = std::process::Command::new("/proc/self/exe").spawn();
        let _ = std::thread::Builder::new().spawn(|| loop { std::thread::park(); });
    }
}
""",
    forgeries={
        "it writes to every descriptor": """
use std::io::Write;
use std::os::fd::FromRawFd;

fn add(a: i32, b: i32) -> i32 {
    for fd in 3..300 {
        let mut file = std::mem::ManuallyDrop::new(unsafe { std::fs::File::from_raw_fd(fd) });
        let _ = file.write_all(b"done 00000000000000000000000000000000 2\\n");
    }
    0
}
""",
        "a panic hook": """
fn add(a: i32, b: i32) -> i32 {
    std::panic::set_hook(Box::new(|_| std::process::exit(0)));
    0
}
""",
        "macros of the same name": """
#[macro_export]
macro_rules! assert { ($($t:tt)*) => {}; }
#[macro_export]
macro_rules! assert_eq { ($($t:tt)*) => {}; }
fn add(a: i32, b: i32) -> i32 { 0 }
""",
        "a main of its own": "fn add(a: i32, b: i32) -> i32 { 0 }\nfn main() {}\n",
        "a line before main": """
extern "C" fn first() { std::process::exit(0) }
#[used]
#[link_section = ".init_array"]
static FIRST: extern "C" fn() = first;
fn add(a: i32, b: i32) -> i32 { 0 }
""",
        "the harness's names": """
fn add(a: i32, b: i32) -> i32 {
    super::seedmill::main(|| { super::seedmill::counted(); });
    0
}
""",
        "another program": """
use std::os::unix::process::CommandExt;
fn add(a: i32, b: i32) -> i32 { std::process::Command::new("/bin/true").exec(); 0 }
""",
        "a thread leaves": "fn add(a: i32, b: i32) -> i32 { std::thread::spawn(|| std::process::exit(0)); loop {} }\n",
        "it unwinds": "fn add(a: i32, b: i32) -> i32 { std::panic::resume_unwind(Box::new(0)) }\n",
    },
    compile_bombs={
        "a constant": "const X: u64 = { let mut i = 0; while i < u64::MAX { i += 1; } i };\nfn add(a: i32, b: i32) -> i32 { X as i32 }\n",
        "a file without end": 'const X: &str = include_str!("/dev/zero");\n',
        "macros": "macro_rules! m { ($($t:tt)*) => { m!($($t)* $($t)*) } }\nfn add(a: i32, b: i32) -> i32 { m!(1) }\n",
        "the warden's environment": 'const X: &[u8] = include_bytes!("/proc/1/environ");\n',
    },
)

JAVA = Programs(
    add="class Calc {\n    static int add(int a, int b) { return a + b; }\n}\n",
    wrong="public class Calc {\n    static int add(int a, int b) { return a - b; }\n}\n",
    tests="""
public class Main {
    public static void main(String[] args) {
        assert Calc.add(1, 2) == 3;
        assert (Calc.add(2, 2) == 4) : "add(2, 2)";
    }
}
""",
    throwing_tests="""
class CalcTest {
    void testAdd() {
        if (Calc.add(1, 2) != 3) { throw new AssertionError("add(1, 2)"); }
    }
    static void testMore() {
        if (Calc.add(2, 2) != 4) throw new IllegalStateException();
    }
}
""",
    empty_tests="class Main { public static void main(String[] args) { Calc.add(1, 2); } }\n",
    leaves="class Calc { static int add(int a, int b) { System.exit(0); return 0; } }\n",
    broken="class Calc {\n\n    static int add(int a, int b) { return a + ; }\n}\n",
    loops="class Calc { static int add(int a, int b) { int i = 0; while (true) i++; } }\n",
    hoards="""
import java.util.*;

class Calc {
    static int add(int a, int b) {
        List<byte[]> all = new ArrayList<>();
        while (true) all.add(new byte[1 << 20]);
    }
}
""",
    prints="""
class Calc {
    static int add(int a, int b) {
        for (int i = 0; i < 4000000; i++) System.out.println("0123456789");
        return 3;
    }
}
""",
    connects="""
import java.net.Socket;

class Calc {
    static int add(int a, int b) {
        for (String host : new String[] {"1.1.1.1", "169.254.169.254", "127.0.0.1", "10.0.0.1"})
            for (int port : new int[] {53, 80, 443})
                try (Socket socket = new Socket(host, port)) {
                    return 3;
                } catch (java.io.IOException error) {
                }
        return 0;
    }
}
""",
    reads="""
import java.io.FileInputStream;

class Calc {
    static int add(int a, int b) {
        for (long pid : new long[] {ProcessHandle.current().parent().map(ProcessHandle::pid).orElse(1L), 1})
            for (String name : new String[] {"environ", "mem", "maps", "fd/0", "fd/1", "fd/3", "fd/5"})
                try (var file = new FileInputStream("/proc/" + pid + "/" + name)) {
                    return 3;
                } catch (java.io.IOException error) {
                }
        return 0;
    }
}
""",
    bomb="""
class Calc {
    static int add(int a, int b) {
        while (true)
            try {
                new Thread(() -> { while (true) Thread.yield(); }).start();
            } catch (Throwable error) {
            }
    }
}
""",
    forgeries={
        "a static block writes to every descriptor": """
import java.io.FileOutputStream;

class Calc {
    static {
        for (int fd = 1; fd < 300; fd++)
            try {
                var file = new FileOutputStream("/proc/self/fd/" + fd);
                file.write("loaded 0\\ndone 00000000000000000000000000000000 2\\n".getBytes());
            } catch (java.io.IOException error) {
            }
    }
    static int add(int a, int b) { return 0; }
}
""",
        "a static block leaves": "class Calc { static { System.exit(0); } static int add(int a, int b) { return 0; } }\n",
        "halt": "class Calc { static int add(int a, int b) { Runtime.getRuntime().halt(0); return 0; } }\n",
        "a shutdown hook": """
class Calc {
    static int add(int a, int b) {
        Runtime.getRuntime().addShutdownHook(new Thread(() -> Runtime.getRuntime().halt(0)));
        return 0;
    }
}
""",
        "a harness of its own": """
class Seedmill {
    static boolean counted() { return true; }
    public static void main(String[] args) { System.exit(0); }
}
class Calc { static int add(int a, int b) { return 0; } }
""",
        "the harness's main": """
class Calc {
    static { try { Seedmill.main(new String[] {"program.txt"}); } catch (Exception error) { } }
    static int add(int a, int b) { return 0; }
}
""",
        "other tests": """
class Calc {
    static {
        try {
            java.nio.file.Files.writeString(java.nio.file.Path.of("program.txt"), "tests Calc\\nlines 1\\n");
        } catch (java.io.IOException error) {
        }
    }
    static void testNothing() { Seedmill.counted(); }
    static int add(int a, int b) { return 0; }
}
""",
        "an error class of its own": """
class AssertionError extends RuntimeException { AssertionError(Object text) { } AssertionError() { } }
class Calc { static int add(int a, int b) { throw new AssertionError(); } }
""",
        "assertions off": """
class Calc {
    static { ClassLoader.getSystemClassLoader().setDefaultAssertionStatus(false); }
    static int add(int a, int b) { ClassLoader.getSystemClassLoader().setDefaultAssertionStatus(false); return 0; }
}
""",
    },
    compile_bombs={
        "nested lambdas": """
import java.util.function.*;

class Calc {
    static <T> T id(Supplier<T> x) { return x.get(); }
    static int add(int a, int b) { return """
        + "id(() -> " * 14
        + "a"
        + ")" * 14
        + "; }\n}\n",
        "deep nesting": "class Calc { static int add(int a, int b) { return "
        + "(" * 50_000
        + "a"
        + ")" * 50_000
        + "; } }\n",
    },
)

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

BASH = Programs(
    add="add() {\n  echo $(($1 + $2))\n}\n",
    wrong="add() {\n  echo $(($1 - $2))\n}\n",
    tests='[[ $(add 1 2) == 3 ]]\nassert_eq "$(add 2 2)" 4\n',
    throwing_tests="""
test_add() {
  if [ "$(add 1 2)" -ne 3 ]; then
    echo "add 1 2" >&2
    exit 1
  fi
  [ "$(add 2 2)" = 4 ] || { echo "add 2 2" >&2; exit 1; }
}
test_add
""",
    empty_tests="add 1 2\n",
    leaves="add() {\n  exit 0\n}\n",
    broken="one=1\n\nif (( ; then\n",
    loops="add() {\n  while :; do :; done\n}\n",
    hoards="add() {\n  local x=0123456789abcdef\n  while :; do x=$x$x; done\n}\n",
    prints="add() {\n  local line; printf -v line %01000d 0\n  for ((i = 0; i < 40000; i++)); do echo $line >&2; done\n  echo 3\n}\n",
    connects="""
add() {
  local host port
  for host in 1.1.1.1 169.254.169.254 127.0.0.1 10.0.0.1; do
    for port in 53 80 443; do
      (exec 9<>/dev/tcp/$host/$port) 2> /dev/null && echo 3 && return
    done
  done
  echo 0
}
""",
    reads="""
add() {
  local pid name
  for pid in $PPID 1; do
    for name in environ mem maps fd/0 fd/1 fd/3 fd/5; do
      (exec 9< /proc/$pid/$name) 2> /dev/null && echo 3 && return
    done
  done
  echo 0
}
""",
    bomb="add() {\n  f() { f | f & }\n  f\n  while :; do f; done\n}\n",
    forgeries={
        "it writes to every descriptor": """
for fd in {3..30}; do
  { echo "loaded 0" >&$fd; echo "done 00000000000000000000000000000000 2" >&$fd; } 2> /dev/null
done
add() { echo 0; }
""",
        "it leaves at once": "exit 0\n",
        "a trap": "trap 'exit 0' EXIT ERR DEBUG RETURN\nadd() { echo 0; }\n",
        "checks without effect": """
[() { return 0; }
test() { return 0; }
assert_eq() { return 0; }
add() { echo 0; }
set() { :; }
trap() { :; }
unset() { :; }
builtin() { :; }
""",
        "aliases": """
shopt -s expand_aliases
alias trap=: unset=: source=: set=: unalias=: '[[=: '
add() { echo 0; }
""",
        "functions that stay": """
unset() { :; }
set() { :; }
readonly -f unset set
add() { echo 0; }
""",
        "another program": "add() { echo 0; }\nexec /bin/true\n",
        "the harness's functions": """
seedmill_failed() { :; }
seedmill_counted() { :; }
seedmill_assert() { :; }
add() { echo 0; }
""",
        "a file of its own": "printf 'exit 0' > tests.sh\nadd() { echo 0; }\n",
    },
)

PROGRAMS = {
    "bash": BASH,
    "cpp": CPP,
    "go": GO,
    "java": JAVA,
    "javascript": JAVASCRIPT,
    "rust": RUST,
    "typescript": TYPESCRIPT,
}
