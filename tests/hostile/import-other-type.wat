;; Imports the log as a function of another type. expect: refused: but not as the host has it
(component (import "watchfire:detector/log@0.1.0" (instance (export "write" (func (param "all" u64))))))
