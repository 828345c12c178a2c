// Package seedmill runs the tests of a Go program and says how they ended. It is initialised before the program's own
// packages, so no line of the program has run when it takes the key.
package seedmill

import (
	"os"
	"runtime"
	"strconv"
	"sync/atomic"
	"testing"
	"testing/internal/testdeps"
)

var (
	key   = readLine()
	count atomic.Int64
)

// Counted counts an assertion, and is true.
func Counted() bool {
	count.Add(1)
	return true
}

// Main runs the tests, or their main. Only the main function that was put into the program may call it.
func Main(tests []testing.InternalTest, main func()) {
	caller, _, _, _ := runtime.Caller(1)
	if runtime.FuncForPC(caller).Name() != "main.main" {
		os.Exit(1)
	}
	report("loaded " + key)
	key = ""
	nonce := readLine()
	if main != nil {
		main()
	} else if testing.MainStart(testdeps.TestDeps{}, tests, nil, nil, nil).Run() != 0 {
		os.Exit(1)
	}
	report("done " + nonce + " " + strconv.FormatInt(count.Load(), 10))
	os.Exit(0)
}

func readLine() string {
	line := make([]byte, 33)
	input := os.NewFile(4, "nonce")
	for size := 0; size < len(line); {
		got, err := input.Read(line[size:])
		if err != nil {
			os.Exit(1)
		}
		size += got
	}
	runtime.SetFinalizer(input, nil)
	inputs = append(inputs, input)
	return string(line[:32])
}

// Kept, or the descriptor would be closed with the first of them.
var inputs []*os.File

func report(line string) {
	output := os.NewFile(3, "report")
	output.WriteString(line + "\n")
	inputs = append(inputs, output)
}
