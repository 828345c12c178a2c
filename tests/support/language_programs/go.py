"""Programs in Go."""

from support.language_programs.programs import Programs

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
