package config

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// systemFile is where the configuration is looked for last.
const systemFile = "/etc/sessionwarden/config.toml"

// Find returns the configuration file to use: flag where it is not empty, else
// $SESSIONWARDEN_CONFIG, else the first that exists of
// $XDG_CONFIG_HOME/sessionwarden/config.toml and
// /etc/sessionwarden/config.toml. A file that a person named is returned
// whether it exists or not. The error says where it looked and what to do.
func Find(flag string, getenv func(string) string) (path string, err error) {
	return find(flag, getenv, func(path string) bool {
		_, err := os.Stat(path)
		return !errors.Is(err, fs.ErrNotExist)
	})
}

func find(flag string, getenv func(string) string, exists func(string) bool) (string, error) {
	if flag != "" {
		return flag, nil
	}
	if named := getenv("SESSIONWARDEN_CONFIG"); named != "" {
		return named, nil
	}
	looked := []string{"--config: not given", "$SESSIONWARDEN_CONFIG: not set"}
	home := getenv("XDG_CONFIG_HOME")
	switch {
	case home == "":
		looked = append(looked, "$XDG_CONFIG_HOME/sessionwarden/config.toml: the variable is not set")
	case !filepath.IsAbs(home):
		looked = append(looked, "$XDG_CONFIG_HOME/sessionwarden/config.toml: the variable holds no absolute path")
	default:
		path := filepath.Join(home, "sessionwarden", "config.toml")
		if exists(path) {
			return path, nil
		}
		looked = append(looked, path+": not there")
	}
	if exists(systemFile) {
		return systemFile, nil
	}
	looked = append(looked, systemFile+": not there")
	return "", fmt.Errorf("there is no configuration; looked at\n    %s\ncopy config.example.toml to one of these places, or name a file with --config FILE",
		strings.Join(looked, "\n    "))
}
