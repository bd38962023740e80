package manncotest

import (
	"embed"
	"fmt"
	"path"
	"strings"
)

//go:embed scenarios/*.toml
var scenarioFiles embed.FS

// Scenarios returns the names of the built-in scenarios, by alphabet.
func Scenarios() []string {
	entries, err := scenarioFiles.ReadDir("scenarios")
	if err != nil {
		return nil // cannot be: the folder is part of the program
	}
	names := make([]string, len(entries))
	for i, entry := range entries {
		names[i] = strings.TrimSuffix(entry.Name(), ".toml")
	}
	return names
}

// BuiltIn returns the built-in scenario of that name.
func BuiltIn(name string) (Scenario, error) {
	source, err := Source(name)
	if err != nil {
		return Scenario{}, err
	}
	return load(name+".toml", source)
}

// Source returns the file of a built-in scenario, to start an own one from.
func Source(name string) ([]byte, error) {
	data, err := scenarioFiles.ReadFile(path.Join("scenarios", name+".toml"))
	if err != nil {
		return nil, fmt.Errorf("there is no built-in scenario %q%s; there are %s", cut(name, 64),
			suggest(name, Scenarios()), strings.Join(Scenarios(), ", "))
	}
	return data, nil
}
