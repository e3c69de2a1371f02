package main

import (
	"errors"
	"fmt"
	"log/slog"

	"github.com/spf13/cobra"

	"github.com/countersign-dev/countersign/server"
	"github.com/countersign-dev/countersign/server/settings"
)

func (p *program) serveCommand() *cobra.Command {
	var file, format, level string
	c := &cobra.Command{
		Use:   "serve",
		Short: "Serve the GitHub App: webhooks in, checks out",
		Long: `Serves the App until SIGTERM or SIGINT, then ends within 25 seconds. Settings come
from a YAML file and COUNTERSIGN_* variables, which win: app_id, private_key,
webhook_secret (webhook_secret_old while rotating), github_url, listen, operations,
data, database, public_url, workers, children, sweep_every, reconcile_every, alerts.
Secrets may also be given by a file that holds them, as private_key_file or
COUNTERSIGN_PRIVATE_KEY_FILE. "countersign doctor" examines the same settings.`,
		Example: `  countersign serve --config /etc/countersign/server.yaml
  COUNTERSIGN_APP_ID=1 COUNTERSIGN_PRIVATE_KEY_FILE=app.pem COUNTERSIGN_WEBHOOK_SECRET_FILE=secret countersign serve`,
		Args: exactly(0, "no arguments"),
		RunE: func(c *cobra.Command, _ []string) error {
			log, err := p.logger(format, level)
			if err != nil {
				return err
			}
			s, err := settings.Load(file, p.environ)
			if err != nil {
				return usageError{fmt.Errorf("the configuration is wrong:\n%w", err)}
			}
			for _, warning := range s.Warnings {
				log.Warn("the configuration is odd", "warning", warning)
			}
			log.Info("starting", "version", version(), "settings", s)
			app, err := server.New(c.Context(), server.Options{Settings: s, Version: version(), Log: log,
				RenderArgs: []string{renderChild}})
			if wrong, ok := errors.AsType[*server.SettingsError](err); ok {
				return usageError{fmt.Errorf("the server cannot start:\n%w", wrong)}
			}
			if err != nil {
				return fmt.Errorf("the server cannot start: %w", err)
			}
			return app.Run(c.Context())
		},
	}
	c.Flags().StringVar(&file, "config", "", "the server's own settings; COUNTERSIGN_* variables win over it")
	c.Flags().StringVar(&format, "log-format", "json", "json or text, on standard error")
	c.Flags().StringVar(&level, "log-level", "info", "debug, info, warn or error")
	return c
}

func (p *program) logger(format, level string) (*slog.Logger, error) {
	var least slog.Level
	if err := least.UnmarshalText([]byte(level)); err != nil {
		return nil, usagef("there is no log level %q; give debug, info, warn or error", level)
	}
	options := &slog.HandlerOptions{Level: least}
	switch format {
	case "json":
		return slog.New(slog.NewJSONHandler(p.stderr, options)), nil
	case "text":
		return slog.New(slog.NewTextHandler(p.stderr, options)), nil
	}
	return nil, usagef("there is no log format %q; give json or text", format)
}
