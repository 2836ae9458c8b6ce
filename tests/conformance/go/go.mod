module watchfire.dev/tests/conformance

go 1.25

require watchfire.dev/sdk v0.1.0

replace watchfire.dev/sdk => ./build/sdk/go
