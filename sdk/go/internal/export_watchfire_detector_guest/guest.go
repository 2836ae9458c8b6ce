// Package export_watchfire_detector_guest is what the generated exports call.
package export_watchfire_detector_guest

import (
	"watchfire.dev/sdk"
	"watchfire.dev/sdk/bindings/watchfire_detector_batches"
	"watchfire.dev/sdk/bindings/watchfire_detector_types"
	"watchfire.dev/sdk/internal/wit/runtime"
	wit_types "watchfire.dev/sdk/internal/wit/types"
)

// Describe says what the detector is.
func Describe() watchfire_detector_types.Manifest {
	return watchfire.Exported().Describe()
}

// Start reads the config.
func Start(config string) wit_types.Result[[]watchfire_detector_types.Subscription, watchfire_detector_types.ConfigError] {
	subscriptions, wrong := watchfire.Exported().Start(config)
	if wrong != nil {
		return wit_types.Err[[]watchfire_detector_types.Subscription](*wrong)
	}
	return wit_types.Ok[[]watchfire_detector_types.Subscription, watchfire_detector_types.ConfigError](subscriptions)
}

// OnBatch looks at a batch.
func OnBatch(batch *watchfire_detector_batches.Batch) wit_types.Result[[]watchfire_detector_types.Finding, string] {
	runtime.Release()
	findings, wrong := watchfire.Exported().OnBatch(batch)
	batch.Drop()
	if wrong != "" {
		return wit_types.Err[[]watchfire_detector_types.Finding](wrong)
	}
	return wit_types.Ok[[]watchfire_detector_types.Finding, string](findings)
}
