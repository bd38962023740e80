package config

import (
	"crypto/x509"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"syscall"

	"github.com/pelletier/go-toml/v2/unstable"
)

// path reads the name of a file or folder: ${NAME} stands for an environment
// variable, and what is not absolute starts at the configuration's folder.
func (d *decoder) path(text string) (string, error) {
	switch {
	case strings.TrimSpace(text) == "":
		return "", wrong("write the name of a file", "this is empty")
	case len(text) > 4096 || strings.ContainsFunc(text, func(r rune) bool { return r < ' ' || r == 0x7f }):
		return "", wrong("write the name of a file", "this cannot be the name of a file")
	case strings.HasPrefix(text, "~"):
		return "", wrong("write ${HOME} for it", "~ stands for nothing here")
	}
	expanded, err := d.expand(text)
	if err != nil {
		return "", err
	}
	if !filepath.IsAbs(expanded) {
		expanded = filepath.Join(d.folder, expanded)
	}
	abs, err := filepath.Abs(expanded)
	if err != nil {
		return "", wrong("write an absolute path", "this machine does not tell which folder we are in")
	}
	return abs, nil
}

// expand puts in environment variables for ${NAME}.
func (d *decoder) expand(text string) (string, error) {
	var b strings.Builder
	for {
		before, after, ok := strings.Cut(text, "${")
		b.WriteString(before)
		if !ok {
			return b.String(), nil
		}
		name, rest, ok := strings.Cut(after, "}")
		if !ok || !isVariable(name) {
			return "", wrong("write ${NAME} with the name of an environment variable", "there is a ${ that does not go on with a name and }")
		}
		value := d.opts.Getenv(name)
		if value == "" {
			cure := "set it where the daemon is started, or write the path out"
			if name == "CREDENTIALS_DIRECTORY" {
				cure = "systemd sets it for units with LoadCredential=; elsewhere, write the path out"
			}
			return "", wrong(cure, "the environment variable %s is not set", shown(name))
		}
		b.WriteString(value)
		text = rest
	}
}

func isVariable(name string) bool {
	for i, r := range name {
		if r != '_' && (r < 'a' || r > 'z') && (r < 'A' || r > 'Z') && (i == 0 || r < '0' || r > '9') {
			return false
		}
	}
	return name != ""
}

// folderOrDefault reads the name of a folder; "" is the default.
func (d *decoder) folderOrDefault(text string) (string, error) {
	switch {
	case text == "":
		return "", nil
	case strings.Contains(text, "://"):
		return "", wrong("name a folder of this machine, or one that is mounted there", "this is a web address")
	}
	return d.path(text)
}

// auto has location files looked for where packages put them.
const auto = "auto"

// database reads geo.database and geo.asn_database. The file need not exist:
// then the built-in data is used, and people are told.
func (d *decoder) database(text string) (string, error) {
	switch {
	case text == "" || text == auto:
		return text, nil
	case strings.Contains(text, "://"):
		return "", wrong("download the .mmdb file and name it here", "this is a web address; location data is read from files")
	case strings.EqualFold(text, "built-in") || strings.EqualFold(text, "builtin"):
		return "", wrong(`write "" for the built-in data`, "%q is not a file", text)
	}
	return d.path(text)
}

// anonymous reads geo.anonymous_database. The file need not exist: then the rules
// do without it, and people are told.
func (d *decoder) anonymous(text string) (string, error) {
	switch {
	case text == "":
		return "", nil
	case text == auto:
		return "", wrong("name the file", "%q is for database and asn_database; nobody has this one unless he bought it", auto)
	}
	return d.database(text)
}

// source reads geo.tor_exits and geo.vpn_networks: a file or a URL.
func (d *decoder) source(text string) (string, error) {
	switch {
	case text == "":
		return "", nil
	case strings.Contains(text, "://"):
		return parseSource(text)
	}
	return d.path(text)
}

// caFile reads ca_file and makes sure that there is a certificate in it.
func (d *decoder) caFile(text string) (string, error) {
	if text == "" {
		return "", nil
	}
	const cure = "name a file with certificates in PEM form, which start with -----BEGIN CERTIFICATE-----"
	path, err := d.path(text)
	if err != nil {
		return "", err
	}
	f, err := os.OpenFile(path, os.O_RDONLY|syscall.O_NONBLOCK, 0)
	if err != nil {
		return "", wrong(cure, "%s cannot be opened: %v", path, errors.Unwrap(err))
	}
	defer f.Close()
	if info, err := f.Stat(); err != nil || !info.Mode().IsRegular() {
		return "", wrong(cure, "%s is no plain file", path)
	}
	content, err := io.ReadAll(io.LimitReader(f, maxFile))
	if err != nil {
		return "", wrong(cure, "%s cannot be read: %v", path, errors.Unwrap(err))
	}
	if !x509.NewCertPool().AppendCertsFromPEM(content) {
		return "", wrong(cure, "%s holds no certificate", path)
	}
	return path, nil
}

// secret is the three fields that one secret may be given by: NAME, NAME_file
// and NAME_env. check, which may be nil, looks at the value. No mistake shows
// any of it, nor what may be a secret in the wrong place.
func (d *decoder) secret(name string, into *Secret, check func(string) error) []field {
	var first string
	var given *node
	one := func(key string, source func(text string) (Secret, error)) field {
		return field{name: key, secret: true, read: func(n *node, where string) {
			if given != nil {
				d.wrong(n, where+key, wrong("keep one of "+oneOf([]string{name, name + "_file", name + "_env"}), "%s on line %d gives the same secret", first, given.line))
				return
			}
			first, given = key, n
			into.from = inline // given, if badly
			if n.kind != unstable.String {
				d.wrong(n, where+key, wrong("write "+key+` = "…" in quotation marks`, "this is %s, but it has to be text", kindName(n)))
				return
			}
			s, err := source(n.text)
			if err != nil && d.opts.SecretsLater {
				*into = Secret{from: unreachable, name: err.Error()}
				return
			}
			if err != nil {
				d.wrong(n, where+key, err)
				return
			}
			*into = s
			if d.opts.SecretsLater {
				return
			}
			value, err := s.Read()
			if err == nil && check != nil {
				err = check(value)
			}
			if err != nil {
				d.wrong(n, where+key, err)
			}
		}}
	}
	return []field{
		one(name, inlineSecret),
		one(name+"_file", func(text string) (Secret, error) { return d.secretFile(name, text) }),
		one(name+"_env", func(text string) (Secret, error) { return d.secretEnv(name, text) }),
	}
}
