// Package watchfire is for detectors in Go. A detector is exported by a program, and `watchfire plugin build` makes a component
// of it:
//
//	package main
//
//	import (
//		"watchfire.dev/sdk"
//		_ "watchfire.dev/sdk/component"
//	)
//
//	type Config struct {
//		Watch []watchfire.Address `json:"watch" doc:"Contracts whose pauses are told."`
//	}
//
//	var paused = watchfire.MustEvent("Paused(address account)")
//
//	func start(config Config) (*watchfire.Started, error) {
//		logs := watchfire.Logs(config.Watch, paused)
//		return &watchfire.Started{Subscriptions: []watchfire.Subscription{logs}, OnBatch: onBatch}, nil
//	}
//
//	func init() { watchfire.Export(manifest, start) }
//	func main() {}
//
// Variables are a cache that the host may drop between any two batches: what must last belongs into the state. There is no
// clock, no randomness, no file, no network.
package watchfire

import (
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"runtime/debug"

	"watchfire.dev/sdk/bindings/watchfire_detector_batches"
	"watchfire.dev/sdk/bindings/watchfire_detector_types"
)

// Kind is a kind of finding.
type Kind struct {
	// ID is kebab-case.
	ID              string
	DefaultSeverity Severity
	Description     string
	// RunbookURL says where the operator reads what to do; empty where there is none.
	RunbookURL string
}

// Manifest is what a detector says of itself.
type Manifest struct {
	// Name is kebab-case, stable across versions; Version is semantic.
	Name, Version, Summary string
	Kinds                  []Kind
	// Capabilities is what it asks for: chain, state, traces, storage, mempool, feeds, findings.
	Capabilities []string
}

// Subscription is what a detector wants to see.
type Subscription = watchfire_detector_types.Subscription

// Started is a detector that has its config.
type Started struct {
	Subscriptions []Subscription
	// OnBatch looks at one batch. An error, or a panic, ends this batch for this detector.
	OnBatch func(*Batch) ([]*Finding, error)
}

// Guest is the exported detector, for the generated exports.
type Guest struct {
	manifest Manifest
	schema   map[string]any
	start    func(config string) (*Started, error)
	started  *Started
}

var exported *Guest

// Export makes a detector that of the program. `start` checks the config and says what it wants to see; it is called on each
// fresh instance, at any batch.
func Export[Config any](manifest Manifest, start func(Config) (*Started, error)) {
	exported = &Guest{manifest: manifest, schema: schemaOf(reflect.TypeFor[Config]()), start: func(text string) (*Started, error) {
		var config Config
		if err := parseConfig(text, reflect.ValueOf(&config).Elem()); err != nil {
			return nil, err
		}
		return start(config)
	}}
}

// Exported is the exported detector.
func Exported() *Guest {
	if exported == nil {
		panic("no detector: call `watchfire.Export` in an `init` function")
	}
	return exported
}

// Describe is for the generated exports.
func (g *Guest) Describe() watchfire_detector_types.Manifest {
	g.schema["$schema"] = "https://json-schema.org/draft/2020-12/schema"
	schema, _ := json.Marshal(g.schema)
	said := watchfire_detector_types.Manifest{
		Name: g.manifest.Name, Version: g.manifest.Version, Summary: g.manifest.Summary,
		Capabilities: g.manifest.Capabilities, ConfigSchema: string(schema),
	}
	for _, kind := range g.manifest.Kinds {
		said.FindingKinds = append(said.FindingKinds, watchfire_detector_types.FindingKind{
			Id: kind.ID, DefaultSeverity: uint8(kind.DefaultSeverity), Description: kind.Description, RunbookUrl: kind.RunbookURL,
		})
	}
	return said
}

// Start is for the generated exports.
func (g *Guest) Start(config string) ([]Subscription, *watchfire_detector_types.ConfigError) {
	var err error
	g.started, err = caught(func() (*Started, error) { return g.start(config) })
	var wrong *ConfigError
	if errors.As(err, &wrong) {
		return nil, &watchfire_detector_types.ConfigError{Key: wrong.Key, Message: wrong.Message}
	} else if err != nil {
		return nil, &watchfire_detector_types.ConfigError{Message: err.Error()}
	}
	return g.started.Subscriptions, nil
}

// OnBatch is for the generated exports.
func (g *Guest) OnBatch(raw *watchfire_detector_batches.Batch) ([]watchfire_detector_types.Finding, string) {
	batch := &Batch{Raw: raw}
	findings, err := caught(func() ([]*Finding, error) { return g.started.OnBatch(batch) })
	if err != nil {
		return nil, err.Error()
	}
	claims := make([]watchfire_detector_types.Finding, 0, len(findings))
	for _, finding := range findings {
		claims = append(claims, finding.claim(batch))
	}
	return claims, ""
}

// caught makes a panic an error with the stack that Go would have printed.
func caught[T any](call func() (T, error)) (value T, err error) {
	defer func() {
		if panicked := recover(); panicked != nil {
			err = fmt.Errorf("panic: %v\n\n%s", panicked, debug.Stack())
		}
	}()
	return call()
}
