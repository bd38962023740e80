package main

import (
	"fmt"
	"runtime"
	"runtime/debug"

	"github.com/spf13/cobra"

	"sessionwarden/geo"
)

func (c *command) versionCommand() *cobra.Command {
	var licenses bool
	cmd := &cobra.Command{
		Use: "version", Short: "Which version this is, and whose work it holds", Args: noArgs,
		RunE: func(*cobra.Command, []string) error {
			fmt.Fprintf(c.out, "sessionwarden %s (%s, %s/%s)\n", version, runtime.Version(), runtime.GOOS, runtime.GOARCH)
			if !licenses {
				return nil
			}
			fmt.Fprintf(c.out, "\nMIT License, the sessionwarden authors.\n\n%s\n\nGo modules, each under its own licence:\n", geo.Attribution)
			if info, ok := debug.ReadBuildInfo(); ok {
				for _, m := range info.Deps {
					fmt.Fprintf(c.out, "  %s %s\n", m.Path, m.Version)
				}
			}
			return nil
		},
	}
	cmd.Flags().BoolVar(&licenses, "licenses", false, "the licences of what is built in")
	return cmd
}
