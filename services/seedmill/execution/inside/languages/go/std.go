// Writes where the compiled packages of the standard library are: copies of them, and a file for compiler and linker.
package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

func main() {
	listed, err := exec.Command(os.Args[1], "list", "-export", "-f", "{{.ImportPath}} {{.Export}}", "std").Output()
	check(err)
	here, err := filepath.Abs(".")
	check(err)
	check(os.MkdirAll("std", 0o755))
	var std strings.Builder
	for _, line := range strings.Split(strings.TrimSpace(string(listed)), "\n") {
		path, export, _ := strings.Cut(line, " ")
		if export == "" {
			continue
		}
		content, err := os.ReadFile(export)
		check(err)
		name := filepath.Join("std", strings.ReplaceAll(path, "/", "-")+".a")
		check(os.WriteFile(name, content, 0o644))
		fmt.Fprintf(&std, "packagefile %s=%s/%s\n", path, here, name)
	}
	check(os.WriteFile("std.cfg", []byte(std.String()), 0o644))
	own := fmt.Sprintf("packagefile seedmill=%s/seedmill.a\n", here)
	check(os.WriteFile("program.cfg", []byte(std.String()+own), 0o644))
}

func check(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}
