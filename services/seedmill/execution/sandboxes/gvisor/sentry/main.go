// Command gvisor_sentry is gVisor's kernel alone, without the rest of runsc.
//
// runsc starts it in place of itself when it lies in gvisor-bin/ beside runsc.
// It is smaller than runsc, so each sandbox starts about 20 ms sooner.
package main

import (
	"gvisor.dev/gvisor/runsc/cli"
	"gvisor.dev/gvisor/runsc/cmd/sentry/sentrycmd"
	"gvisor.dev/gvisor/runsc/cmd/util"
	"gvisor.dev/gvisor/runsc/gvisorbinaries"
)

func main() {
	const group = "used by runsc"
	commands := map[util.SubCommand]string{
		new(sentrycmd.Boot):   group,
		new(sentrycmd.Umount): group,
	}
	cli.Run(&gvisorbinaries.GvisorSentry, commands, nil)
}
