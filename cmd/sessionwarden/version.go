package main

import (
	"fmt"
	"runtime"
	"runtime/debug"

	"github.com/spf13/cobra"

	"sessionwarden/geo"
	"sessionwarden/web"
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

func (c *command) alertCommand() *cobra.Command {
	cmd := &cobra.Command{Use: "alert", Short: "Try out the alert channels", Args: noArgs, RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() }}
	cmd.AddCommand(&cobra.Command{
		Use: "test", Short: "Send a marked test alert to every channel", Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return c.reach(cmd.Context(), true, false, func(client *web.Client) error {
				rows, err := client.TestAlerts(cmd.Context())
				if err != nil {
					return err
				}
				return c.printTests(rows)
			})
		},
	})
	return cmd
}

func (c *command) printTests(rows []web.ChannelTest) error {
	if len(rows) == 0 {
		return &exitError{status: exitFailed, says: "No alert channel is configured: see [alert.slack] in config.example.toml."}
	}
	failed := 0
	for _, r := range rows {
		word := "ok"
		if !r.OK {
			word = "FAILED"
			failed++
		}
		fmt.Fprintln(c.out, wrap(fmt.Sprintf("%-6s %s: %s", word, r.Channel, r.Outcome), c.out.width-7, "       "))
		if r.Cure != "" {
			fmt.Fprintln(c.out, "       "+wrap(r.Cure, c.out.width-7, "       "))
		}
	}
	if failed > 0 {
		return &exitError{status: exitFailed, says: fmt.Sprintf("Channels that failed: %d of %d", failed, len(rows))}
	}
	return nil
}
