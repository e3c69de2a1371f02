package main

import (
	"fmt"
	"runtime/debug"

	"github.com/spf13/cobra"

	"github.com/countersign-dev/countersign/policy/engine"
	"github.com/countersign-dev/countersign/rego"
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
			rules, count, err := engine.Digest(rego.FS)
			if err != nil {
				return fmt.Errorf("read the rules: %w", err)
			}
			_, err = fmt.Fprintf(p.stdout, "countersign %s\nrenderer %s\nrules %s (%d)\n", version(), renderer,
				rules, count)
			return err
		},
	}
}
