//go:build tools

// Package tools pins the programs that `seedmill setup sandbox` builds.
package tools

import _ "gvisor.dev/gvisor/runsc"
