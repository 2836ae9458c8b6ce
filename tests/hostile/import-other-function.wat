;; Imports a function of WASI's that WASI does not have. expect: refused: but not as the host has it
(component (import "wasi:cli/environment@0.2.0" (instance (export "get-keys" (func (result string))))))
