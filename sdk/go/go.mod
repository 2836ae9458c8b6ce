module watchfire.dev/sdk

go 1.25
