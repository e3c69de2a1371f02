package main

import (
	"fmt"
	"runtime/debug"

	"github.com/spf13/cobra"

	"github.com/countersign-dev/countersign/render/worker"
)

// version is the module's version, or the commit that it was built from.
func version() string {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return "unknown"
	}
	if v := info.Main.Version; v != "" && v != "(devel)" {
		return v
	}
	for _, setting := range info.Settings {
		if setting.Key == "vcs.revision" {
			return setting.Value
		}
	}
	return "devel"
}

func (p *program) versionCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "version",
		Short: "Print what this program is made of",
		Args:  exactly(0, "no arguments"),
		RunE: func(*cobra.Command, []string) error {
			renderer, err := worker.RendererDigest()
			if err != nil {
				return err
			}
			rules, err := loadRules()
			if err != nil {
				return err
			}
			_, err = fmt.Fprintf(p.stdout, "countersign %s\nrenderer %s\nrules %s (%d)\n", version(), renderer,
				rules.Digest(), len(rules.Rules()))
			return err
		},
	}
}
