package settings

import (
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"reflect"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/caarlos0/env/v11"
	"sigs.k8s.io/yaml"
)

const (
	prefix = "COUNTERSIGN_"
	// maxFile bounds the settings' file and those that hold secrets.
	maxFile = 1 << 20
)

// text is a setting as it was written, a number or a string.
type text string

// UnmarshalJSON implements json.Unmarshaler. Its errors never quote the value,
// which may be a secret in the wrong place.
func (t *text) UnmarshalJSON(in []byte) error {
	var value any
	decoder := json.NewDecoder(bytes.NewReader(in))
	decoder.UseNumber()
	if err := decoder.Decode(&value); err != nil {
		return errors.New("is not readable")
	}
	switch value := value.(type) {
	case string:
		*t = text(value)
	case json.Number:
		*t = text(value)
	case nil:
	default:
		return errors.New("is no single value; write a text or a number")
	}
	return nil
}

// written are the settings as a file and as an environment give them.
type written struct {
	AppID                text              `json:"app_id"                     env:"APP_ID"`
	PrivateKey           text              `json:"private_key"                env:"PRIVATE_KEY"`
	PrivateKeyFile       text              `json:"private_key_file"           env:"PRIVATE_KEY_FILE"`
	WebhookSecret        text              `json:"webhook_secret"             env:"WEBHOOK_SECRET"`
	WebhookSecretFile    text              `json:"webhook_secret_file"        env:"WEBHOOK_SECRET_FILE"`
	WebhookSecretOld     text              `json:"webhook_secret_old"         env:"WEBHOOK_SECRET_OLD"`
	WebhookSecretOldFile text              `json:"webhook_secret_old_file"    env:"WEBHOOK_SECRET_OLD_FILE"`
	GitHubURL            text              `json:"github_url"                 env:"GITHUB_URL"`
	Listen               text              `json:"listen"                     env:"LISTEN"`
	Operations           text              `json:"operations"                 env:"OPERATIONS"`
	Data                 text              `json:"data"                       env:"DATA"`
	Database             text              `json:"database"                   env:"DATABASE"`
	DatabaseFile         text              `json:"database_file"              env:"DATABASE_FILE"`
	PublicURL            text              `json:"public_url"                 env:"PUBLIC_URL"`
	Workers              text              `json:"workers"                    env:"WORKERS"`
	Children             text              `json:"children"                   env:"CHILDREN"`
	SweepEvery           text              `json:"sweep_every"                env:"SWEEP_EVERY"`
	ReconcileEvery       text              `json:"reconcile_every"            env:"RECONCILE_EVERY"`
	Alerts               map[string]string `json:"alerts"                     env:"ALERTS" envKeyValSeparator:"="`
}

// Load reads the file (none if "") and the environment ("KEY=value" each). The
// error joins every mistake; the settings are then what could be read, for
// those who only look.
func Load(file string, environ []string) (Settings, error) {
	l := &loader{}
	if file != "" {
		l.file = l.readFile(file)
	}
	l.env = l.readEnvironment(environ)
	s := Settings{
		AppID:          l.number("app_id", l.pick(func(w written) text { return w.AppID })),
		GitHubURL:      cmp.Or(l.pick(func(w written) text { return w.GitHubURL }), "https://api.github.com"),
		Listen:         cmp.Or(l.pick(func(w written) text { return w.Listen }), ":8080"),
		Operations:     cmp.Or(l.pick(func(w written) text { return w.Operations }), "127.0.0.1:9090"),
		Data:           cmp.Or(l.pick(func(w written) text { return w.Data }), "/var/lib/countersign"),
		PublicURL:      l.pick(func(w written) text { return w.PublicURL }),
		Workers:        int(l.number("workers", l.pick(func(w written) text { return w.Workers }))),
		Children:       int(l.number("children", l.pick(func(w written) text { return w.Children }))),
		SweepEvery:     l.span("sweep_every", l.pick(func(w written) text { return w.SweepEvery })),
		ReconcileEvery: l.span("reconcile_every", l.pick(func(w written) text { return w.ReconcileEvery })),
		Alerts:         l.file.Alerts,
	}
	if len(l.env.Alerts) > 0 {
		s.Alerts = l.env.Alerts
	}
	s.PrivateKey = []byte(l.secret("private_key", func(w written) (text, text) {
		return w.PrivateKey, w.PrivateKeyFile
	}))
	for _, secret := range []string{
		l.secret("webhook_secret", func(w written) (text, text) {
			return w.WebhookSecret, w.WebhookSecretFile
		}),
		l.secret("webhook_secret_old", func(w written) (text, text) {
			return w.WebhookSecretOld, w.WebhookSecretOldFile
		}),
	} {
		if secret != "" {
			s.WebhookSecrets = append(s.WebhookSecrets, secret)
		}
	}
	s.Database = l.secret("database", func(w written) (text, text) { return w.Database, w.DatabaseFile })
	s = s.Filled()
	s.Warnings = slices.Concat(l.warnings, s.odd())
	return s, errors.Join(append(l.mistakes, s.mistakes(l.said)...)...)
}

// loader gathers what was read and every mistake.
type loader struct {
	file, env written
	warnings  []string
	mistakes  []error
	said      []string // settings that a mistake was already said of
}

// mistake is a mistake with a setting, by both of its names.
func mistake(name, format string, args ...any) error {
	return fmt.Errorf("%s (%s): "+format, append([]any{name, variable(name)}, args...)...)
}

func variable(name string) string { return prefix + strings.ToUpper(name) }

func (l *loader) wrong(name, format string, args ...any) {
	l.mistakes = append(l.mistakes, mistake(name, format, args...))
	l.said = append(l.said, name)
}

func (l *loader) readFile(name string) written {
	var w written
	content, err := l.content(name, false)
	if err != nil {
		l.mistakes = append(l.mistakes, fmt.Errorf("the settings' file: %w; name another by --config", err))
		return w
	}
	asJSON, err := yaml.YAMLToJSONStrict(content)
	if err != nil {
		l.mistakes = append(l.mistakes, fmt.Errorf("the settings' file %s is no YAML: %s", name,
			strings.Join(strings.Fields(err.Error()), " ")))
		return w
	}
	var values map[string]json.RawMessage
	if err := json.Unmarshal(asJSON, &values); err != nil {
		l.mistakes = append(l.mistakes, fmt.Errorf("the settings' file %s: write one \"name: value\" a line", name))
		return w
	}
	fields := reflect.ValueOf(&w).Elem()
	for i := range fields.NumField() {
		key := fields.Type().Field(i).Tag.Get("json")
		if value, ok := values[key]; ok {
			if err := json.Unmarshal(value, fields.Field(i).Addr().Interface()); err != nil {
				l.wrong(key, "%w", shape(err))
			}
		}
		delete(values, key)
	}
	for key := range values {
		l.mistakes = append(l.mistakes, fmt.Errorf("%s: there is no setting of this name; the settings are %s", key,
			strings.Join(names(), ", ")))
	}
	slices.SortStableFunc(l.mistakes, func(a, b error) int { return strings.Compare(a.Error(), b.Error()) })
	return w
}

// shape is an error of decoding without the value that was decoded.
func shape(err error) error {
	if _, ok := errors.AsType[*json.UnmarshalTypeError](err); ok {
		return errors.New("does not have the right shape; write name: address pairs")
	}
	return err
}

// names are those that a file may hold, sorted.
func names() []string {
	var out []string
	for _, field := range reflect.VisibleFields(reflect.TypeFor[written]()) {
		out = append(out, field.Tag.Get("json"))
	}
	slices.Sort(out)
	return out
}

func (l *loader) readEnvironment(environ []string) written {
	var w written
	values := map[string]string{}
	for _, pair := range environ {
		if key, value, ok := strings.Cut(pair, "="); ok && strings.HasPrefix(key, prefix) {
			values[key] = value
		}
	}
	if err := env.ParseWithOptions(&w, env.Options{Environment: values, Prefix: prefix}); err != nil {
		// All but the pairs are plain texts, and the library quotes what it cannot read.
		l.wrong("alerts", "write receiver=address pairs with commas between them")
	}
	return w
}

// pick is what the environment says, else the file.
func (l *loader) pick(field func(written) text) string {
	return strings.TrimSpace(string(cmp.Or(field(l.env), field(l.file))))
}

func (l *loader) number(name, value string) int64 {
	if value == "" {
		return 0
	}
	n, err := strconv.ParseInt(value, 10, 64)
	if err != nil {
		l.wrong(name, "is no whole number")
	}
	return n
}

func (l *loader) span(name, value string) time.Duration {
	if value == "" {
		return 0
	}
	d, err := time.ParseDuration(value)
	if err != nil {
		l.wrong(name, "is no length of time; write one such as 5m")
	}
	return d
}

// secret is a value that may be given itself or by the file that holds it.
func (l *loader) secret(name string, field func(written) (value, file text)) string {
	for _, source := range []written{l.env, l.file} {
		value, file := field(source)
		switch {
		case value != "" && file != "":
			l.wrong(name, "is given twice, also as %s_file (%s_FILE); keep one", name, variable(name))
			return ""
		case value != "":
			return strings.TrimSpace(string(value))
		case file != "":
			content, err := l.content(string(file), true)
			if err != nil {
				l.wrong(name+"_file", "%w; let it name a readable file that holds nothing else", err)
				l.said = append(l.said, name)
			}
			return strings.TrimSpace(string(content))
		}
	}
	return ""
}

// content reads a file of bounded size, and warns of a secret that others can read.
func (l *loader) content(name string, secret bool) ([]byte, error) {
	f, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	defer f.Close() //nolint:errcheck // it was only read
	stat, err := f.Stat()
	if err != nil {
		return nil, err
	}
	if !stat.Mode().IsRegular() {
		return nil, fmt.Errorf("%s is no file", name)
	}
	content, err := io.ReadAll(io.LimitReader(f, maxFile+1))
	if err != nil {
		return nil, err
	}
	if len(content) > maxFile {
		return nil, fmt.Errorf("%s is larger than 1 MiB", name)
	}
	if mode := stat.Mode().Perm(); secret && runtime.GOOS != "windows" && mode&0o007 != 0 {
		l.warnings = append(l.warnings, fmt.Sprintf(
			"%s holds a secret and everybody on this machine may open it (mode %04o): run \"chmod o= %s\"",
			name, mode, name))
	}
	return content, nil
}
